/** Entries of a multicast as texts for links: serialised once and fanned out; only who sent one of them gets texts of their own. */
import type { Cid, DeviceId, Uid } from "../../protocol/ids.ts";
import { encodeDown, spanOf } from "../../protocol/link.ts";
import type { RelayedEntry } from "../group-rpc.ts";
import { messageFrame } from "../message-json.ts";
import { pack, sentFrame } from "../user/server-frames.ts";

export interface Reader {
  readonly uid: Uid;
  readonly device: DeviceId;
}

interface Item {
  readonly seq: number;
  readonly frame: string;
  /** The id of the request that the frame answers. */
  readonly answers?: string;
}

/** The entry was sent by this device: to it, it is the answer. */
export function isOwn(entry: RelayedEntry, { uid, device }: Reader): boolean {
  return entry.from === uid && entry.device === device;
}

export class Batch {
  readonly entries: readonly RelayedEntry[];
  readonly #cid: Cid;
  readonly #items: readonly Item[];
  #shared: readonly string[] | undefined;

  /** `entries` ascending. */
  constructor(cid: Cid, entries: readonly RelayedEntry[]) {
    this.#cid = cid;
    this.entries = entries;
    // Version 0: a member's object does not count what relays hand over.
    this.#items = entries.map((entry) => ({ seq: entry.seq, frame: messageFrame(cid, entry, 0) }));
  }

  /** Texts with the entries above `after` and up to `until`. */
  texts(reader: Reader, after: number, until: number): readonly string[] {
    const own = this.entries.some((entry) => isOwn(entry, reader));
    const whole = after < (this.#items[0]?.seq ?? 0) && until >= (this.#items.at(-1)?.seq ?? 0);
    if (whole && !own) {
      this.#shared ??= this.#encode(this.#items);
      return this.#shared;
    }
    const items = own ? this.entries.map((entry, i) => this.#itemFor(entry, i, reader)) : this.#items;
    return this.#encode(items.filter(({ seq }) => seq > after && seq <= until));
  }

  #itemFor(entry: RelayedEntry, i: number, reader: Reader): Item {
    if (!isOwn(entry, reader)) return this.#items[i] as Item;
    return { seq: entry.seq, frame: sentFrame(this.#cid, entry), answers: entry.id };
  }

  #encode(items: readonly Item[]): string[] {
    return pack(items, ({ frame }) => frame).map((part) => {
      const done = part.flatMap(({ answers }) => answers ?? []);
      const span = spanOf(this.#cid, part[0]?.seq ?? 0, part.at(-1)?.seq ?? 0);
      const frames = part.map(({ frame }) => frame);
      return encodeDown({ version: 0, done, about: "", seen: "", span }, frames);
    });
  }
}
