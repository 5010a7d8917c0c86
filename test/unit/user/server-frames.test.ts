import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as make from "../../../src/durable-objects/user/server-frames.ts";
import {
  BATCH_FRAMES,
  FRAME_BYTES,
  HEADS_PER_FRAME,
  ServerFrame,
  type HeadView,
} from "../../../src/protocol/frames.ts";
import { encodeDown } from "../../../src/protocol/link.ts";
import type { Cid, Uid } from "../../../src/protocol/ids.ts";
import { anyText, cid, history, messageId, requestId, seq, uid } from "../../support/arbitraries.ts";

/** Texts of few and of many bytes, the largest as long as a message frame can be. */
const piece = fc
  .tuple(fc.constantFrom("x", "é", "€", "👍"), fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 6000 })))
  .map(([character, times]) => JSON.stringify(character.repeat(times)));

const small = fc.nat({ max: 40 }).map((times) => JSON.stringify("é".repeat(times)));

function headView(n: number, text: string): HeadView {
  const id = `d.user${n}.zoe` as Cid;
  const last = { cid: id, id: "message-1", from: `user${n}` as Uid, ts: 1, kind: "text" as const, priority: 1 };
  return {
    cid: id,
    type: "direct",
    head: n,
    read: 0,
    unread: n,
    version: 1000 + n,
    muted: false,
    pinned: false,
    peer: { uid: `user${n}` as Uid, name: text, delivered: 0, read: 0 },
    last: { ...last, seq: n + 1, body: { text } },
    mode: "push",
  };
}

describe("packing", () => {
  test("every batch is one message of the wire: at most 128 frames and 64 KiB; nothing lost, nothing moved", () => {
    fc.assert(
      fc.property(fc.oneof(history(piece, 300), history(small, 500)), (pieces) => {
        const batches = make.pack(pieces, (text) => text);
        expect(batches.flat()).toEqual(pieces);
        for (const batch of batches) {
          const text = encodeDown({ version: 0, done: [], about: "", seen: "", span: "" }, batch);
          expect(batch.length).toBeGreaterThan(0);
          expect(batch.length).toBeLessThanOrEqual(BATCH_FRAMES);
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(FRAME_BYTES);
        }
        // No batch could have taken the first frame of the next one.
        for (const [i, batch] of batches.slice(0, -1).entries()) {
          const next = [...batch, batches[i + 1]?.[0] ?? ""];
          const fits = next.length <= BATCH_FRAMES && Buffer.byteLength(next.join(",")) <= FRAME_BYTES - 1025;
          expect(fits).toBe(false);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("a frame that is larger than the room of a batch goes by itself", () => {
    const large = "x".repeat(FRAME_BYTES - 100);
    expect(make.pack(["a", large, "b"], (text) => text)).toEqual([["a"], [large], ["b"]]);
  });

  test("nothing is no message", () => expect(make.pack([], (text: string) => text)).toEqual([]));
});

describe("heads frames", () => {
  test("hold at most 100 heads and 64 KiB, each with the version of its newest", () => {
    const text = fc.tuple(fc.constantFrom("x", "👍"), fc.nat({ max: 500 })).map(([one, times]) => one.repeat(times));
    fc.assert(
      fc.property(fc.nat({ max: 350 }), text, (count, name) => {
        const views = Array.from({ length: count }, (_, n) => headView(n, name));
        const frames = make.headsFrames(views).map(({ frame, version }) => {
          expect(Buffer.byteLength(frame)).toBeLessThanOrEqual(FRAME_BYTES);
          const parsed = ServerFrame.parse(JSON.parse(frame));
          if (parsed.t !== "heads") throw new Error(parsed.t);
          expect(parsed.heads.length).toBeLessThanOrEqual(HEADS_PER_FRAME);
          expect([parsed.version, version]).toEqual(
            Array(2).fill(Math.max(...parsed.heads.map((head) => head.version))),
          );
          return parsed.heads;
        });
        expect(frames.flat().map((head) => head.cid)).toEqual(views.map((view) => view.cid));
      }),
      { numRuns: 40 },
    );
  });
});

describe("every frame is one of the wire's schema, whatever stands in it", () => {
  const refusal = fc.record({ code: fc.constant("unavailable" as const), message: anyText, retryAfter: fc.nat() });
  const cases: Record<string, fc.Arbitrary<string>> = {
    sent: fc
      .tuple(cid, messageId, seq, fc.boolean())
      .map(([chat, id, at, again]) => make.sentFrame(chat, { id, seq: at, ts: 5, ...(again && { duplicate: true }) })),
    error: fc
      .tuple(refusal, fc.option(requestId, { nil: undefined }))
      .map(([refused, ref]) => make.errorFrame(refused, ref, "request-1")),
    receipt: fc
      .tuple(cid, uid, seq, fc.option(seq, { nil: undefined }))
      .map(([chat, user, delivered, read]) =>
        make.receiptFrame(chat, user, { delivered, ...(read !== undefined && { read }) }),
      ),
    typing: fc.tuple(cid, uid, fc.boolean()).map(([chat, user, on]) => make.typingFrame(chat, user, on)),
    presence: fc.tuple(uid, fc.boolean(), fc.nat()).map(([user, on, at]) => make.presenceFrame(user, on, at)),
    synced: fc.tuple(fc.option(requestId, { nil: undefined }), fc.nat()).map(([req, at]) => make.syncedFrame(req, at)),
    released: fc.array(messageId).map((ids) => make.releasedFrame(ids)),
    page: fc
      .tuple(requestId, cid)
      .map(([req, chat]) => make.pageFrame(req, chat, { messages: [], head: 0, more: false })),
  };

  test.each(Object.entries(cases))("%s", (t, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, (text) => {
        const parsed = ServerFrame.safeParse(JSON.parse(text));
        expect(parsed.error?.issues).toBeUndefined();
        expect(parsed.data?.t).toBe(t);
      }),
    );
  });

  test("the time of the last visit is told of who is offline and was ever there", () => {
    const shown = [
      [true, 5],
      [false, 5],
      [false, 0],
    ].map(([on, at]) => JSON.parse(make.presenceFrame("bob" as Uid, on as boolean, at as number)) as object);
    expect(shown.map((frame) => "last_seen" in frame)).toEqual([false, true, false]);
  });
});
