/** A conversation's state as it is stored, but for its messages. Pure. */
import type { WireMessage } from "../wire.ts";
import type { GoneRecord } from "./gone.ts";

export interface Watermarks {
  readonly delivered: number;
  readonly read: number;
}

/** A conversation as it is stored. */
export interface RoomRecord {
  readonly cid: string;
  readonly type: "direct" | "group" | "system";
  readonly head: number;
  /** What the server knows to be read. */
  readonly read: number;
  /** What this device's user has read. */
  readonly want: number;
  readonly unread: number;
  /** Up to here `unread` has counted. */
  readonly counted: number;
  readonly muted: boolean;
  readonly pinned: boolean;
  readonly name: string;
  readonly peer: string | undefined;
  readonly mode: "push" | "pull";
  readonly left: boolean;
  readonly last: WireMessage | undefined;
  readonly marks: Readonly<Record<string, Watermarks>>;
  /** Everyone has so much. */
  readonly all: Watermarks;
  /** How many others count for ticks in a group; 0: not known yet. */
  readonly others: number;
  /** The application is done with everything up to here. */
  readonly handled?: number;
  readonly gone?: GoneRecord | undefined;
  /** What was held was of a log that the server has no more, and no page of the new one is here. */
  readonly anew?: boolean;
  /** The server has said how it stands. */
  readonly told: boolean;
  /** `unread` may be wrong. */
  readonly doubt: boolean;
  readonly applied: number;
  /** The id of the entry there. */
  readonly end?: string | undefined;
  /** From here on messages are stored. */
  readonly low: number;
}

/** Of a conversation that nothing is known of. */
export function fresh(cid: string, me: string): Omit<RoomRecord, "applied" | "end" | "low" | "doubt" | "anew"> {
  const type = cid.startsWith("d.") ? "direct" : cid.startsWith("g.") ? "group" : "system";
  const [, a, b] = cid.split(".");
  return {
    cid,
    type,
    head: 0,
    read: 0,
    want: 0,
    unread: 0,
    counted: 0,
    muted: false,
    pinned: false,
    name: "",
    peer: type === "direct" ? (a === me ? b : a) : undefined,
    mode: "push",
    left: false,
    last: undefined,
    marks: {},
    all: { delivered: 0, read: 0 },
    others: 0,
    told: false,
  };
}
