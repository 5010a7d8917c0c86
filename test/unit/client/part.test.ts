/** A part of a conversation that was jumped to, while the conversation goes on. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { fold } from "../../../client/src/core/fold.ts";
import { Part } from "../../../client/src/core/part.ts";
import type { Entry } from "../../../client/src/wire.ts";

const FIRST = 30;

/** The conversation as the server has it: a page of it shows what amendments have made of messages so far. */
class Log {
  readonly entries: Entry[] = [];

  write(more: Partial<Entry> = {}): void {
    const seq = this.entries.length + 1;
    const body = { text: `${seq}` };
    this.entries.push({
      cid: "d.a.b",
      seq,
      id: `m${seq}`,
      from: "a",
      ts: seq,
      kind: "text",
      body,
      priority: 1,
      ...more,
    });
  }

  page({ before = Infinity, after = 0, limit }: { before?: number; after?: number; limit: number }) {
    const inside = this.entries.filter(({ seq }) => seq < before && seq > after);
    const taken = before === Infinity ? inside.slice(0, limit) : inside.slice(-limit);
    return {
      messages: taken.map((entry) => this.now(entry)),
      head: this.entries.length,
      more: taken.length < inside.length,
    };
  }

  now(entry: Entry): Entry {
    const amendments = this.entries.filter(({ kind, target }) => kind === "amend" && target === entry.seq);
    return amendments.reduce<Entry>(fold, entry);
  }
}

type Step = "older" | "newer" | "answer older" | "answer newer" | "deliver" | { readonly edit: number } | "write";

const steps = fc.array(
  fc.oneof(
    fc.constantFrom<Step>("older", "newer", "answer older", "answer newer", "deliver", "write"),
    fc.record({ edit: fc.integer({ min: 1, max: FIRST }) }),
  ),
  { maxLength: 60 },
);

test("[RES1] pages both ways, amendments in between: it holds what the conversation says, without a hole", () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: FIRST }), fc.integer({ min: 1, max: 7 }), (all, from, limit) => {
      const log = new Log();
      for (let seq = 1; seq <= FIRST; seq += 1) log.write();
      const part = new Part(from);
      let delivered = log.entries.length;
      let older: ReturnType<Log["page"]> | undefined;
      let newer: ReturnType<Log["page"]> | undefined;
      const run = (step: Step): void => {
        if (step === "older") older ??= part.low > 1 ? log.page({ before: part.low, limit }) : undefined;
        else if (step === "newer") newer ??= log.page({ after: part.high, limit });
        else if (step === "answer older" && older !== undefined) {
          part.prepend(older.messages, older.head, older.more);
          older = undefined;
        } else if (step === "answer newer" && newer !== undefined) {
          part.extend(newer.messages, newer.head, newer.more);
          newer = undefined;
        } else if (step === "deliver") {
          const next = log.entries[delivered];
          if (next === undefined) return;
          delivered += 1;
          if (next.kind === "amend") part.amend(next);
        } else if (step === "write") log.write();
        else if (typeof step === "object") {
          const body = { text: `${step.edit}, edited at ${log.entries.length}` };
          log.write({ kind: "amend", op: "edit", target: step.edit, body });
        }
      };
      for (const step of all) run(step);
      for (const step of ["answer older", "answer newer"] as const) run(step);
      while (delivered < log.entries.length) run("deliver");
      const inside = log.entries.filter(({ seq, kind }) => seq >= part.low && seq <= part.high && kind !== "amend");
      expect(part.held.map(({ entry }) => entry)).toEqual(inside.map((entry) => log.now(entry)));
    }),
    { numRuns: 500 },
  );
});
