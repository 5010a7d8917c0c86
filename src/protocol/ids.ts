/**
 * Identifiers that cross the wire. Only this folder makes branded values: whoever holds a `Uid` holds a checked one.
 */
import { z } from "zod";

const UID = "[A-Za-z0-9_-]{1,64}";
const ULID = "[0-9a-z]{26}";

export const Uid = z
  .string()
  .regex(new RegExp(`^${UID}$`))
  .brand<"Uid">();
export type Uid = z.infer<typeof Uid>;

/** `d.<uidA>.<uidB>`, `g.<ulid>` or `s.<uid>`. */
export const Cid = z
  .string()
  .max(160)
  .regex(new RegExp(`^(?:d\\.${UID}\\.${UID}|g\\.${ULID}|s\\.${UID})$`))
  .refine((value) => isOrdered(value), "the two user ids of a direct chat stand in ascending byte order and differ")
  .brand<"Cid">();
export type Cid = z.infer<typeof Cid>;

/** Made by the client; the idempotency key of a message. */
export const MessageId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{8,64}$/)
  .brand<"MessageId">();
export type MessageId = z.infer<typeof MessageId>;

export const DeviceId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/)
  .brand<"DeviceId">();
export type DeviceId = z.infer<typeof DeviceId>;

/** A position in a conversation's log, from 1. */
export const Seq = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

/** A user's logical time: grows with every change that the user's devices have to learn. */
export const Version = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

export type ConversationKind = "direct" | "group" | "system";

const KINDS: Record<string, ConversationKind> = { d: "direct", g: "group", s: "system" };

/** The kind of a checked conversation id. */
export function kindOf(cid: Cid): ConversationKind {
  return KINDS[cid.charAt(0)] as ConversationKind;
}

/** The two users of a direct chat, in the order of the id. */
export function directPair(cid: Cid): [Uid, Uid] {
  const [, a, b] = cid.split(".");
  return [a as Uid, b as Uid];
}

/** The other user of a direct chat; undefined when `uid` is not one of the two. */
export function peerOf(cid: Cid, uid: Uid): Uid | undefined {
  const [a, b] = directPair(cid);
  if (uid === a) return b;
  return uid === b ? a : undefined;
}

/** The id of the direct chat of two different users, the same from either side. */
export function directCid(a: Uid, b: Uid): Cid {
  // Ids are ASCII, so the order of UTF-16 units is the order of bytes.
  return (a < b ? `d.${a}.${b}` : `d.${b}.${a}`) as Cid;
}

/** A user's system conversation, in which servers alone write. */
export function systemCid(uid: Uid): Cid {
  return `s.${uid}` as Cid;
}

/** Whose system conversation this is. */
export function ownerOf(cid: Cid): Uid {
  return cid.slice(2) as Uid;
}

function isOrdered(cid: string): boolean {
  if (!cid.startsWith("d.")) return true;
  const [, a = "", b = ""] = cid.split(".");
  return a < b;
}

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ULID_SHAPE = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const UUID7_SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The time, in ms since the epoch, that a ULID or a UUIDv7 carries; undefined for any other id. */
export function timeOf(id: string): number | undefined {
  if (id.length === 26) {
    const upper = id.toUpperCase();
    if (!ULID_SHAPE.test(upper)) return undefined;
    let time = 0;
    for (let i = 0; i < 10; i += 1) time = time * 32 + CROCKFORD.indexOf(upper.charAt(i));
    return time;
  }
  if (id.length === 36) {
    const lower = id.toLowerCase();
    if (UUID7_SHAPE.test(lower)) return Number.parseInt(lower.slice(0, 8) + lower.slice(9, 13), 16);
  }
  return undefined;
}

/** A new ULID in lower case from a time in ms and 16 random bytes (each of which gives five bits). */
export function makeUlid(now: number, random: Uint8Array): string {
  let time = "";
  for (let rest = now, i = 0; i < 10; i += 1) {
    time = CROCKFORD.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  let tail = "";
  for (const byte of random.subarray(0, 16)) tail += CROCKFORD.charAt(byte % 32);
  return (time + tail).toLowerCase();
}
