/** What a store gave back, as far as it can be read: a fault of the disk or a stranger may have had it. Pure. */
import type { Held } from "./log.ts";
import { isHeld, isOut, isRoom } from "./shape.ts";
import { ME, type MeRecord, type Saved } from "./state.ts";

type Rows = ReadonlyMap<string, unknown>;

/** What can be read, and the keys of what cannot. Whose it is has to be known: nobody sends what another has written. */
export function savedOf(all: Rows, rooms: Rows, outbox: Rows): { saved: Saved; lost: string[] } {
  const me = all.get(ME) as MeRecord | null | undefined;
  const known = typeof me?.user === "string";
  const lost: string[] = [];
  const readable = <T>(rows: Rows, is: (value: unknown) => value is T): T[] =>
    [...rows].flatMap(([key, value]) => {
      if (known && is(value)) return [value];
      lost.push(key);
      return [];
    });
  const kept = readable(rooms, isRoom);
  // Of a conversation that is missing the server tells only whoever asks for all of them.
  const whole = lost.length === 0 && Number.isSafeInteger(me?.version);
  const own = known ? (whole ? me : { user: me.user, version: 0, synced: false }) : undefined;
  return { saved: { me: own, rooms: kept, outbox: readable(outbox, isOut) }, lost };
}

/** The stored messages of a conversation, ascending; undefined when one of them cannot be read, so that there would be a hole. */
export function heldOf(rows: Rows): Held[] | undefined {
  const held = [...rows.values()];
  return held.every(isHeld) ? held.toSorted((a, b) => a.entry.seq - b.entry.seq) : undefined;
}
