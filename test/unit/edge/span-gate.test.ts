import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Cid } from "../../../src/protocol/ids.ts";
import type { Note } from "../../../src/protocol/link.ts";
import { SpanGate, type Client } from "../../../src/workers/edge/span-gate.ts";
import { history } from "../../support/arbitraries.ts";

const CID = `g.${"0".repeat(26)}` as Cid;

interface Seen {
  readonly t: string;
  readonly id: string;
  readonly seq: number;
}

/** A client behind a gate: what it was handed, and what it waits for. */
class Behind {
  readonly gate: SpanGate;
  readonly open = new Set<string>();
  readonly seen: Seen[] = [];
  /** The greatest seq that it has or was told of, and what was wrong with what it was handed. */
  last: number;
  readonly wrong: string[] = [];
  readonly #client: Client = {
    open: (key) => this.open.has(key),
    hand: (note, payload) => this.#handed(note, payload),
  };

  constructor(seq = 0) {
    this.gate = new SpanGate(seq);
    this.last = seq;
  }

  /** Entries of either way: own ones as answers. False: too much is held. */
  offer(entries: readonly Seen[]): boolean {
    const span = { cid: CID, first: entries[0]?.seq ?? 0, last: entries.at(-1)?.seq ?? 0 };
    const done = entries.flatMap(({ t, id }) => (t === "sent" ? [id] : []));
    const payload = JSON.stringify(entries.length === 1 ? entries[0] : entries);
    const note: Note = { version: 0, done, about: "", seen: "", span: "" };
    return this.gate.offer(span, { note, payload }, this.#client, 0);
  }

  /** The heads frame has gone to the client before the gate hears of it. */
  told(head: number): void {
    this.last = Math.max(this.last, head);
    this.gate.told(head, this.#client, 0);
  }

  end(): void {
    this.gate.end(this.#client, 0);
  }

  #handed(note: Note, payload: string): void {
    const frames = payload === "" ? [] : [JSON.parse(payload) as Seen | Seen[]].flat();
    for (const frame of frames) {
      const asked = frame.t === "sent" && this.open.delete(frame.id);
      if (frame.seq <= this.last && !asked) this.wrong.push(`${frame.t} ${frame.seq} after ${this.last}`);
      if (frame.seq > this.last + 1) this.wrong.push(`${frame.seq} after ${this.last}: a silent hole`);
      this.last = Math.max(this.last, frame.seq);
      this.seen.push(frame);
    }
    for (const id of note.done) this.open.delete(id);
  }
}

function entry(seq: number, own = false): Seen {
  return { t: own ? "sent" : "message", id: `message-${seq}`, seq };
}

describe("[ORD2] two ways, one order", () => {
  test("what comes early is held until the gap closes", () => {
    const client = new Behind(4);
    client.offer([entry(7)]);
    client.offer([entry(6)]);
    expect([client.seen, client.gate.lacking]).toEqual([[], true]);
    client.offer([entry(5)]);
    expect(client.seen.map(({ seq }) => seq)).toEqual([5, 6, 7]);
    expect([client.gate.seq, client.gate.lacking]).toEqual([7, false]);
  });

  test("a payload is passed on as the text it is, and cut where it overlaps", () => {
    const client = new Behind(4);
    client.offer([entry(5), entry(6)]);
    client.offer([entry(5), entry(6), entry(7)]);
    client.offer([entry(6), entry(7)]);
    expect(client.seen.map(({ seq }) => seq)).toEqual([5, 6, 7]);
  });

  test("an answer is given once, whichever way is first, also when the client was told of its entry", () => {
    for (const early of [true, false]) {
      const client = new Behind(4);
      client.open.add("message-6");
      if (early) client.offer([entry(6, true)]);
      client.offer([entry(5), entry(6, true), entry(7)]);
      if (!early) client.offer([entry(6, true)]);
      expect(client.seen.map(({ t, seq }) => `${t} ${seq}`)).toEqual(["message 5", "sent 6", "message 7"]);
      client.open.add("message-3");
      client.offer([entry(3, true)]);
      client.offer([entry(3, true)]);
      expect(client.seen.at(-1)).toEqual(entry(3, true));
      expect([client.seen.length, client.wrong]).toEqual([4, []]);
    }
  });

  test("the head releases what is above it; below, only answers", () => {
    const client = new Behind(1);
    client.open.add("message-5");
    client.offer([entry(9)]);
    client.offer([entry(4), entry(5, true), entry(6)]);
    client.told(8);
    expect(client.seen.map(({ seq }) => seq)).toEqual([5, 9]);
    expect([client.open.size, client.gate.seq]).toEqual([0, 9]);
  });

  test("holds no more than a bound, but for answers; what it let go of is not taken for handed", () => {
    const client = new Behind(1);
    client.open.add("message-3");
    let whole = client.offer([entry(3, true), entry(4)]);
    let seq = 4;
    while (whole && seq < 10_000) {
      seq += 1;
      whole = client.offer([{ ...entry(seq), id: "x".repeat(4096) }]);
    }
    expect([whole, seq]).toEqual([false, 4 + 32]);
    client.offer([entry(2)]);
    expect(client.gate.seq).toBe(2);
    expect(client.gate.lacking).toBe(true);
    client.told(seq);
    expect(client.seen.map(({ seq: n }) => n)).toEqual([2, 3]);
    expect(client.gate.lacking).toBe(false);
  });

  test("[SEC1] taken away, it lets out the answers it holds, and nothing else", () => {
    const client = new Behind(1);
    client.open.add("message-5");
    client.offer([entry(4), entry(5, true)]);
    client.offer([entry(8)]);
    client.end();
    expect(client.seen).toEqual([entry(5, true)]);
    client.told(9);
    expect(client.seen).toHaveLength(1);
  });

  type Step =
    /** The relay hands so many entries, or loses them. */
    | { do: "relay" | "lose"; count: number }
    /** The user's object answers the next own send, or the last one again. */
    | { do: "answer" | "repeat" }
    /** A new relay link goes on from where the client is, or from a little before. */
    | { do: "attach"; back: number }
    /** The client asks for the same send again. */
    | { do: "resend" }
    | { do: "tell" };
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant("relay" as const), count: fc.integer({ min: 1, max: 5 }) }),
    },
    { weight: 3, arbitrary: fc.constant<Step>({ do: "answer" }) },
    fc.record({ do: fc.constant("lose" as const), count: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ do: fc.constant("attach" as const), back: fc.nat({ max: 3 }) }),
    fc.constantFrom<Step>({ do: "repeat" }, { do: "resend" }, { do: "tell" }),
  );

  test("whatever is lost, repeated or overtaken: ascending, every entry seen or told of, each send answered once", () => {
    let held = 0;
    fc.assert(
      fc.property(history(step, 60), fc.array(fc.boolean(), { minLength: 80, maxLength: 80 }), (steps, own) => {
        const client = new Behind();
        const all = own.map((mine, i) => entry(i + 1, mine));
        const sends = all.filter(({ t }) => t === "sent");
        for (const { id } of sends) client.open.add(id);
        let [relayed, answered, head] = [0, 0, 0];
        const answers = new Map<string, number>();
        const again = new Set<string>();
        for (const one of steps) {
          if (one.do === "relay" || one.do === "lose") {
            const part = all.slice(relayed, relayed + one.count);
            relayed += part.length;
            if (one.do === "relay" && part.length > 0 && !client.offer(part)) client.told(relayed);
          } else if (one.do === "answer" || one.do === "repeat") {
            const next = sends[one.do === "answer" ? answered : answered - 1];
            if (one.do === "answer" && next !== undefined) answered += 1;
            if (next !== undefined && !client.offer([next])) client.told(next.seq);
          } else if (one.do === "attach") relayed = Math.max(0, client.gate.seq - one.back);
          else if (one.do === "resend") {
            const id = sends[answered - 1]?.id;
            if (id !== undefined && !client.open.has(id) && !again.has(id)) {
              again.add(id);
              client.open.add(id);
            }
          } else client.told(Math.max(head, relayed));
          head = Math.max(head, relayed, sends[answered - 1]?.seq ?? 0);
          if (client.gate.lacking) held += 1;
          expect(client.wrong).toEqual([]);
          expect(client.gate.seq).toBe(client.last);
        }
        for (const next of sends.slice(answered)) client.offer([next]);
        for (const id of again) client.offer([sends.find((send) => send.id === id) as Seen]);
        if (client.gate.lacking) client.told(all.length);
        for (const { t, id } of client.seen) if (t === "sent") answers.set(id, (answers.get(id) ?? 0) + 1);
        expect(client.wrong).toEqual([]);
        expect([client.gate.lacking, client.open.size]).toEqual([false, 0]);
        for (const { id } of sends) expect(answers.get(id)).toBe(again.has(id) ? 2 : 1);
      }),
      { numRuns: 500 },
    );
    expect(held).toBeGreaterThan(1000);
  });
});
