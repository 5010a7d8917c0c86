/** The contract of `src/store/messages.ts`, but for search, for any driver. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Amended } from "../../src/durable-objects/message-json.ts";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import { PUT_ROWS, type StoredChange, type StoredMessage } from "../../src/store/messages.ts";
import type { Store } from "../../src/store/store.ts";

let made = 0;
/** A conversation that no other test of the run has. */
export const conversation = (): Cid => `g.01contract${String((made += 1)).padStart(16, "0")}` as Cid;

/** A text at a place. */
export function textAt(seq: number, text: string, rest: Partial<StoredMessage> = {}): StoredMessage {
  const body = JSON.stringify({ text });
  const from = "u_ann" as Uid;
  return {
    seq,
    id: `id-${seq}-abcd`,
    from,
    ts: 1_800_000_000_000 + seq,
    kind: "text",
    body,
    priority: 1,
    count: seq,
    ...rest,
  };
}

/** Texts that are hard on whoever quotes, folds or compares. */
export const HARD_TEXTS: Readonly<Record<string, string>> = {
  "quotes and statements": `'); DROP TABLE messages; -- " \` `,
  backslashes: `\\ \\\\ \\' \\" \\n \\u0000 \\x`,
  "NUL and other controls": "a\0b\u001a\b\t\r\n\u007f",
  "halves of pairs": "\ud83d a \udc4d",
  "characters of four bytes": "👩‍👩‍👧‍👦 𝒳 🦘 \u{10ffff}",
  "byte order marks": "\ufeffa\ufeff",
  "placeholders and comments": "? ?? :name $1 @a -- # /* */ /*! */ %_",
  "what JSON escapes": `{"a":[1,"\u2028"]} </script>`,
};

/** Runs that part of the contract on the store that `open` gives. */
export function messagesContract(driver: string, open: () => Store): void {
  const { messages } = open();

  describe(`${driver}: history`, () => {
    test("what was put is read again, in order, and nothing else", async () => {
      const [cid, other] = [conversation(), conversation()];
      const entries = [
        textAt(1, "one"),
        textAt(2, "two", { reply_to: 1, mentions: ["u_ben", "u_cid"] as Uid[] }),
        textAt(3, "", { kind: "amend", body: "", target: 1, op: "recall" }),
        textAt(4, "", { kind: "system", body: `{"event":"renamed","name":"x"}`, priority: 3, count: 2 }),
      ];
      await messages.put(cid, 4, entries.toReversed());
      await messages.put(other, 9, [textAt(1, "elsewhere")]);
      expect(await messages.read(cid, 1, 4)).toEqual(entries);
      expect(await messages.read(cid, 2, 3)).toEqual(entries.slice(1, 3));
      expect(await messages.read(cid, 5, 99)).toEqual([]);
      expect(await messages.head(cid)).toBe(4);
      expect(await messages.head(conversation())).toBe(0);
    });

    test("nothing put is nothing done", async () => {
      const cid = conversation();
      await messages.put(cid, 1, []);
      await messages.change(cid, 1, []);
      expect(await messages.head(cid)).toBe(0);
    });

    test("amendments come back as they were", async () => {
      const cid = conversation();
      const amended: Amended = {
        body: `{"text":"newer \\ud800 \\" \\\\"}`,
        edited: { seq: 2, ts: 5 },
        edits: [2],
        reactions: { "👍": ["u_a", "u_b"], "\ud800": ["u'); --"], "\ufeff\0": [] },
      };
      await messages.put(cid, 3, [textAt(1, "old", { amended })]);
      expect(JSON.stringify((await messages.read(cid, 1, 1))[0]?.amended)).toBe(JSON.stringify(amended));
    });

    // By name: the test runner cannot pass on what is no text.
    test.each(Object.keys(HARD_TEXTS))("%s come back as they were, in every field", async (what) => {
      const text = HARD_TEXTS[what] as string;
      const cid = conversation();
      // What JSON carries, as JSON; ids and kinds as they are, but for halves of pairs, which no text of a database can hold.
      const plain = text.slice(0, 12).toWellFormed();
      const message = textAt(1, text, {
        id: plain,
        from: plain as Uid,
        kind: text.slice(0, 4).toWellFormed() as StoredMessage["kind"],
        mentions: [text as Uid],
        op: text as "edit",
        amended: { body: JSON.stringify({ text }), reactions: { [text]: [text] } },
      });
      await messages.put(cid, 1, [message]);
      // As JSON: the test runner cannot report what is no text.
      expect(JSON.stringify(await messages.read(cid, 1, 1))).toBe(JSON.stringify([message]));
      await messages.change(cid, 2, [{ seq: 1, amended: { reactions: { [text]: [text, text] } }, erased: false }]);
      const [changed] = await messages.read(cid, 1, 1);
      expect(JSON.stringify(changed?.amended)).toBe(JSON.stringify({ reactions: { [text]: [text, text] } }));
    });

    test("a put of as many rows as may be, with texts as long as may be", async () => {
      const cid = conversation();
      const long = ["x", "é", "名", "🦘", `"`, "\\", "\0", "'"].map((sign, i) => textAt(i + 1, sign.repeat(8192)));
      const words = Array.from({ length: 1360 }, (_, n) => `w${n}`).join(" ");
      const chinese = Array.from({ length: 8192 }, (_, n) => String.fromCharCode(0x4e00 + n)).join("");
      const short = Array.from({ length: PUT_ROWS - 10 }, (_, n) => textAt(n + 11, `message ${n} of a thousand`));
      const entries = [...long, textAt(9, words), textAt(10, chinese), ...short];
      await messages.put(cid, PUT_ROWS, entries);
      expect(await messages.read(cid, 1, PUT_ROWS)).toEqual(entries);
      expect(await messages.head(cid)).toBe(PUT_ROWS);
    });

    test("a thousand long texts in a script of many characters", async () => {
      const cid = conversation();
      const entries = Array.from({ length: PUT_ROWS }, (_, n) =>
        textAt(
          n + 1,
          Array.from({ length: 400 }, (__, i) => String.fromCharCode(0x4e00 + ((n * 31 + i * 7) % 20_000))).join(""),
        ),
      );
      await messages.put(cid, PUT_ROWS, entries);
      expect(await messages.read(cid, 400, 600)).toEqual(entries.slice(399, 600));
    });

    test("the same batch again, and one that overlaps, change nothing and add what is new", async () => {
      const cid = conversation();
      const entries = [1, 2, 3, 4, 5].map((seq) => textAt(seq, `m${seq}`));
      await messages.put(cid, 3, entries.slice(0, 3));
      await messages.put(cid, 3, entries.slice(0, 3));
      await messages.put(cid, 5, entries.slice(1));
      await messages.put(cid, 3, [textAt(2, "of the same log, so never another")]);
      expect(await messages.read(cid, 1, 9)).toEqual(entries);
    });

    test("of two writes of one entry the one that knew more stays, in either order", async () => {
      const [early, late] = [conversation(), conversation()];
      const recalled = textAt(1, "", { body: "", amended: { recalled: true } });
      await messages.put(early, 2, [recalled]);
      await messages.put(early, 1, [textAt(1, "secret"), textAt(2, "other")]);
      await messages.put(late, 1, [textAt(1, "secret"), textAt(2, "other")]);
      await messages.put(late, 2, [recalled]);
      for (const cid of [early, late]) expect(await messages.read(cid, 1, 2)).toEqual([recalled, textAt(2, "other")]);
    });

    test("a change reaches the entries that are there, and makes none", async () => {
      const cid = conversation();
      const amended: Amended = { body: `{"text":"new"}`, edited: { seq: 4, ts: 1 }, edits: [4] };
      await messages.put(cid, 3, [textAt(1, "a"), textAt(2, "b"), textAt(3, "c")]);
      const changes: StoredChange[] = [
        { seq: 1, amended, erased: false },
        { seq: 3, amended: { recalled: true }, erased: true },
        { seq: 9, amended, erased: false },
      ];
      await messages.change(cid, 5, changes);
      const expected = [
        textAt(1, "a", { amended }),
        textAt(2, "b"),
        textAt(3, "c", { body: "", amended: { recalled: true } }),
      ];
      expect(await messages.read(cid, 1, 9)).toEqual(expected);
      await messages.change(cid, 4, [{ seq: 1, amended: undefined, erased: false }]);
      await messages.put(cid, 4, [textAt(3, "c")]);
      await messages.change(cid, 5, [{ seq: 1, amended: { recalled: true }, erased: true }]);
      expect(await messages.read(cid, 1, 9)).toEqual(expected);
      await messages.change(cid, 6, [{ seq: 1, amended: undefined, erased: true }]);
      expect(await messages.read(cid, 1, 1)).toEqual([textAt(1, "a", { body: "" })]);
    });

    test("writes at once end as if one after the other", async () => {
      const cid = conversation();
      const revs = [5, 2, 7, 1, 6, 3, 4];
      await Promise.all(
        revs.map((rev) =>
          messages.put(
            cid,
            rev,
            Array.from({ length: 50 }, (_, n) => textAt(n + 1, `at ${rev}`, { count: rev })),
          ),
        ),
      );
      const read = await messages.read(cid, 1, 50);
      expect(new Set(read.map(({ body, count }) => `${body}${count}`))).toEqual(new Set([`{"text":"at 7"}7`]));
    });

    test("whatever order writes come in, and how often, each entry is as the latest of them says", async () => {
      await fc.assert(
        fc.asyncProperty(history(), async ({ seqs, writes }) => {
          const cid = conversation();
          const latest = new Map(seqs.map((seq) => [seq, 0]));
          await messages.put(
            cid,
            0,
            seqs.map((seq) => stateAt(seq, 0)),
          );
          for (const { rev, of, whole } of writes) {
            const states = of.map((seq) => stateAt(seq, rev));
            if (whole) await messages.put(cid, rev, states);
            else {
              const changes = states.map(({ seq, amended, body }) => ({ seq, amended, erased: body === "" }));
              await messages.change(cid, rev, changes);
            }
            for (const seq of of) latest.set(seq, Math.max(rev, latest.get(seq) ?? 0));
          }
          expect(await messages.read(cid, 0, 99)).toEqual(seqs.map((seq) => stateAt(seq, latest.get(seq) ?? 0)));
        }),
        { numRuns: 40 },
      );
    });
  });
}

/** What an entry is when its log has got as far as `rev`: edited every now and then, and recalled at last. */
function stateAt(seq: number, rev: number): StoredMessage {
  const recalledAt = 4 + ((seq * 7) % 9);
  if (rev >= recalledAt) return textAt(seq, "", { body: "", amended: { recalled: true } });
  const edits = Array.from({ length: Math.floor(rev / (1 + (seq % 3))) }, (_, n) => n + 1);
  const last = edits.at(-1);
  if (last === undefined) return textAt(seq, `first of ${seq}`);
  const amended = { body: `{"text":"edit ${last} of ${seq}"}`, edited: { seq: last, ts: last }, edits };
  return textAt(seq, `first of ${seq}`, { amended });
}

/** Writes of some entries of one log at several times, in any order. */
const history = () =>
  fc
    .uniqueArray(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 })
    .map((seqs) => seqs.toSorted((a, b) => a - b))
    .chain((seqs) =>
      fc.record({
        seqs: fc.constant(seqs),
        writes: fc.array(
          fc.record({
            rev: fc.integer({ min: 1, max: 15 }),
            of: fc.shuffledSubarray(seqs, { minLength: 1 }),
            whole: fc.boolean(),
          }),
          { maxLength: 10 },
        ),
      }),
    );
