/** Whether what came from outside, from a server or a store, has the shape that is relied on here. Pure. */
import type { ServerFrame } from "../wire.ts";
import type { Held } from "./log.ts";
import type { OutRecord } from "./outbox.ts";
import type { RoomRecord } from "./room.ts";

/**
 * An example: of text, of a whole number that is not less, or of any if it is none itself, of a truth value; a list has items like its one item, an object has
 * all these fields, or may have it (`name?`), or any that are like this one (`*`). Other fields may be what they like.
 */
type Like = string | number | boolean | readonly [Like] | { readonly [field: string]: Like };

const marks = { delivered: 0, read: 0 };
const message = {
  cid: "",
  "seq?": 1,
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
  pong: {},
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
};
const OUT = { key: "", cid: "", order: 0, created: 0, frame: { id: "", t: "" } };
const HELD = { folded: 0, entry };

/** A frame that this client knows, as it knows it. */
export function isFrame(value: unknown): value is ServerFrame {
  const t = (value as { readonly t?: unknown } | null)?.t;
  return typeof t === "string" && Object.hasOwn(FRAMES, t) && fits(value, FRAMES[t]);
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

function fits(value: unknown, like: Like | undefined): boolean {
  if (typeof like === "number")
    return (Number.isInteger(like) ? Number.isSafeInteger(value) : Number.isFinite(value)) && Number(value) >= like;
  if (typeof like !== "object") return typeof value === typeof like;
  if (Array.isArray(like)) return Array.isArray(value) && value.every((item) => fits(item, (like as [Like])[0]));
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  return Object.entries(like).every(([name, one]) => {
    if (name === "*") return Object.values(value).every((item) => fits(item, one));
    const field = fields[name.replace("?", "")];
    return (field === undefined && name.endsWith("?")) || fits(field, one);
  });
}
