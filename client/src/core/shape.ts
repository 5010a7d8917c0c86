/** Whether what came from outside, from a server or a store, has the shape that is relied on here. Pure. */
import type { ServerFrame } from "../wire.ts";
import type { Held } from "./log.ts";
import type { OutRecord } from "./item.ts";
import type { RoomRecord } from "./room-record.ts";

/**
 * An example: of text, of a whole number that is not less, or of any if it is none itself, of a truth value; a list has items like
 * its one item, an object has all these fields, or may have it (`name?`; `name!`: but not another one), or any that are like this
 * one (`*`). Other fields may be what they like.
 */
type Like = string | number | boolean | readonly [Like] | { readonly [field: string]: Like };

const MAY = /[?!]$/;

const marks = { delivered: 0, read: 0 };
const message = {
  cid: "",
  "seq!": 1,
  id: "",
  from: "",
  ts: 0,
  kind: "",
  "version?": 0,
  "reply_to?": 1,
  "mentions?": [""],
  "target?": 1,
  "edited?": { seq: 1, ts: 0 },
  "reactions?": { "*": [""] },
} as const;
const entry = { ...message, seq: 1 };
const counts = { cid: "", head: 0, read: 0, unread: 0, type: "" };
const head = {
  ...counts,
  muted: true,
  pinned: true,
  mode: "",
  "peer?": { uid: "", name: "", ...marks },
  "name?": "",
  "last?": message,
  "first?": 1,
  "left?": true,
};

const FRAMES: Readonly<Record<string, Like>> = {
  welcome: {
    user: "",
    ts: 0,
    heartbeat: 0.1,
    limits: { frame: 1, batch: 1, body: 1, rate: 0.1, burst: 0.1, window: 1 },
  },
  heads: { version: 0, heads: [head] },
  synced: { version: 0 },
  message,
  sent: { id: "", cid: "", seq: 1, ts: 0 },
  released: { ids: [""] },
  receipt: { cid: "", user: "", "delivered?": 0, "read?": 0 },
  typing: { cid: "", user: "", on: true },
  presence: { user: "", state: "", "last_seen?": 0 },
  page: { cid: "", messages: [entry], head: 0, more: true },
  pong: { "n?": 0 },
  error: { code: "", message: "", "retry_after?": 0 },
  goaway: { retry_after: 0 },
};
const ROOM = {
  ...counts,
  name: "",
  want: 0,
  counted: 0,
  applied: 0,
  low: 0,
  others: 0,
  all: marks,
  marks: { "*": marks },
  "anew?": true,
  "gone?": { ids: { "*": "" }, "same?": 0, "cut?": 1 },
};
const OUT = { key: "", cid: "", order: 0, created: 0, frame: { id: "", t: "" } };
const HELD = { folded: 0, entry };

/**
 * A frame that this client knows, as far as it knows it: without fields that it can do without, and without items of lists, that are
 * not what they should be. Nothing when the rest is not.
 */
export function framesOf(value: unknown): ServerFrame[] {
  const t = (value as { readonly t?: unknown } | null)?.t;
  if (typeof t !== "string" || !Object.hasOwn(FRAMES, t)) return [];
  const frame = cleaned(value, FRAMES[t]) as ServerFrame | undefined;
  if (frame?.t !== "heads") return frame === undefined ? [] : [frame];
  return [frame.heads.length < (value as typeof frame).heads.length ? { ...frame, partial: true } : frame];
}

export function isRoom(value: unknown): value is RoomRecord {
  return fits(value, ROOM);
}

export function isOut(value: unknown): value is OutRecord {
  return fits(value, OUT);
}

export function isHeld(value: unknown): value is Held {
  return fits(value, HELD);
}

/** What of it is as it should be; undefined when something is not that it cannot do without. */
function cleaned(value: unknown, like: Like | undefined): unknown {
  // Nearly always.
  if (fits(value, like)) return value;
  if (typeof like !== "object" || typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(like)) {
    if (!Array.isArray(value)) return undefined;
    return value.map((item) => cleaned(item, (like as [Like])[0])).filter((item) => item !== undefined);
  }
  const kept: Record<string, unknown> = { ...value };
  for (const [name, one] of Object.entries(like)) {
    for (const field of name === "*" ? Object.keys(value) : [name.replace(MAY, "")]) {
      if (kept[field] === undefined && name.endsWith("!")) continue;
      const clean = cleaned(kept[field], one);
      if (clean !== undefined) kept[field] = clean;
      else if (name === "*" || name.endsWith("?")) delete kept[field];
      else return undefined;
    }
  }
  return kept;
}

function fits(value: unknown, like: Like | undefined): boolean {
  if (typeof like === "number")
    return (Number.isInteger(like) ? Number.isSafeInteger(value) : Number.isFinite(value)) && Number(value) >= like;
  if (typeof like !== "object") return typeof value === typeof like;
  if (Array.isArray(like)) return Array.isArray(value) && value.every((item) => fits(item, (like as [Like])[0]));
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  return Object.entries(like).every(([name, one]) => {
    if (name === "*") return Object.values(value).every((item) => fits(item, one));
    const field = fields[name.replace(MAY, "")];
    return (field === undefined && MAY.test(name)) || fits(field, one);
  });
}
