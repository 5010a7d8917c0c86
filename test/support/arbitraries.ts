/** Generators of valid ids, entries and frames, for property tests. */
import fc from "fast-check";
import type { Entry } from "../../src/durable-objects/rpc.ts";
import { directCid, type Cid, type Uid } from "../../src/protocol/ids.ts";

const ALPHABET = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"];
const unit = fc.constantFrom(...ALPHABET);

/** A string of the ids' alphabet. */
export function word(minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit, minLength, maxLength });
}

/** Text of any UTF-16 units: control characters, NUL and halves of pairs included. */
export const anyText = fc.string({
  unit: fc.oneof(
    fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
    fc.constantFrom("\0", "\n", ";", ",", "%", "!", '"', "\\", "\ud83d", "\ude00", "👍", "\u2028", "a"),
  ),
});

export const uid = word(1, 64).map((text) => text as Uid);
export const messageId = word(8, 64);
export const deviceId = word(1, 64);
export const seq = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

export const directId = fc
  .uniqueArray(uid, { minLength: 2, maxLength: 2 })
  .map(([a, b]) => directCid(a as Uid, b as Uid));

export const cid: fc.Arbitrary<Cid> = fc.oneof(
  directId,
  fc
    .string({ unit: fc.constantFrom(..."0123456789abcdefghijklmnopqrstuvwxyz"), minLength: 26, maxLength: 26 })
    .map((text) => `g.${text}` as Cid),
  uid.map((text) => `s.${text}` as Cid),
);

/** Any JSON value but objects with a key `__proto__`: those have tests of their own. */
export const json: fc.Arbitrary<unknown> = fc
  .json({ maxDepth: 5 })
  .filter((text) => !text.includes("__proto__"))
  .map((text) => JSON.parse(text) as unknown);

export const requestId = fc.oneof(
  fc.string({ minLength: 1, maxLength: 64 }),
  fc.maxSafeInteger().map((n) => n + 0),
);

/** A frame of the given fields: `required` ones always, `optional` ones now and then. */
function frame(
  t: string,
  required: Record<string, fc.Arbitrary<unknown>>,
  optional: Record<string, fc.Arbitrary<unknown>> = {},
): fc.Arbitrary<Record<string, unknown>> {
  const fields: Record<string, fc.Arbitrary<unknown>> = { t: fc.constant(t), ...required, ...optional };
  return fc.record(fields, { requiredKeys: ["t", ...Object.keys(required)], noNullPrototype: true });
}

/** Frames that a client may send, with every field that has a default spelled out. */
export const clientFrames = {
  hello: frame(
    "hello",
    {
      v: fc.constant(1),
      token: fc.string({ minLength: 1, maxLength: 100 }),
      device: fc.record(
        { id: deviceId, name: fc.string({ maxLength: 128 }), platform: fc.string({ maxLength: 64 }) },
        { requiredKeys: ["id"], noNullPrototype: true },
      ),
    },
    { since: fc.nat() },
  ),
  send: frame(
    "send",
    {
      id: messageId,
      to: fc.oneof(
        cid,
        uid.map((text) => `@${text}`),
      ),
      kind: fc.constantFrom("text", "image", "file", "audio", "video", "custom"),
      body: json,
      qos: fc.constantFrom(0, 1, 2),
      priority: fc.integer({ min: 0, max: 3 }),
    },
    { ttl: fc.integer({ min: 1, max: 604_800 }), reply_to: seq, mentions: fc.array(uid, { maxLength: 5 }) },
  ),
  release: frame("release", { ids: fc.array(messageId, { minLength: 1, maxLength: 5 }) }),
  ack: frame("ack", { cid, seq }),
  read: frame("read", { cid, seq }),
  typing: frame("typing", { cid, on: fc.boolean() }),
  amend: frame(
    "amend",
    { id: messageId, cid, target: seq, op: fc.constantFrom("edit", "recall", "react", "unreact") },
    { body: json },
  ),
  sync: frame("sync", { req: requestId, since: fc.nat() }),
  pull: frame(
    "pull",
    { req: requestId, cid, limit: fc.integer({ min: 1, max: 200 }) },
    { after: fc.nat(), before: seq },
  ),
  watch: frame("watch", { users: fc.array(uid, { minLength: 1, maxLength: 5 }) }),
  unwatch: frame("unwatch", { users: fc.array(uid, { minLength: 1, maxLength: 5 }) }),
  ping: frame("ping", {}, { n: fc.integer() }),
};

export const clientFrame = fc.oneof(...Object.values(clientFrames));

/** Steps of a history, up to so many: an array of fast-check's default size would have about ten. */
export function history<T>(step: fc.Arbitrary<T>, maxLength: number): fc.Arbitrary<T[]> {
  return fc.array(step, { maxLength, size: "max" });
}

/** Log entries of a direct chat with increasing seqs from `first`, positions counted from `count`. */
export function makeEntries(
  froms: readonly { from: Uid; kind?: Entry["kind"] }[],
  first = 1,
  count = 0,
  ts = 1000,
): Entry[] {
  let position = count;
  return froms.map(({ from, kind = "text" }, i) => {
    if (kind !== "amend" && kind !== "system") position += 1;
    return {
      seq: first + i,
      id: `message-${first + i}`,
      from,
      ts: ts + i,
      kind,
      body: kind === "amend" ? "" : JSON.stringify({ text: `text ${first + i}` }),
      priority: 1,
      count: position,
      ...(kind === "amend" && { target: 1, op: "recall" as const }),
    };
  });
}
