/** What must hold of the store, and of what is read back from it (DUR2). The ledger decides what is right. */
import type { PageQuery, Page } from "../../../src/durable-objects/rpc.ts";
import { messageFields } from "../../../src/durable-objects/message-json.ts";
import type { MessageView } from "../../../src/protocol/frames.ts";
import { kindOf, type Cid } from "../../../src/protocol/ids.ts";
import type { StoredMessage } from "../../../src/store/messages.ts";
import type { ConversationHost } from "../conversation-host.ts";
import type { Durable, Ledger } from "../ledger.ts";
import { lineOf, shownOf } from "../shown.ts";
import { Violation } from "../violation.ts";
import type { StoreLine } from "./store-line.ts";

export class HistoryChecks {
  readonly #ledger: Ledger;
  readonly #line: StoreLine;

  constructor(ledger: Ledger, line: StoreLine) {
    this.#ledger = ledger;
    this.#line = line;
  }

  /** These leave the log now: the store has each of them as it is. */
  left(cid: Cid, first: number, last: number): void {
    for (let seq = first; seq <= last; seq += 1) this.#stored(cid, seq, "has left the log");
  }

  /**
   * A page that was asked for when the log was `asked` long. It has no hole, and shows of each entry what the log said of it then, or
   * later: what was recalled before is in no form on it.
   */
  page(cid: Cid, { after, before, limit }: PageQuery, asked: number, { messages, more, head }: Page): void {
    const views = messages.map((text) => JSON.parse(text) as MessageView);
    const [first = 0, last = 0] = [views[0]?.seq, views.at(-1)?.seq];
    const end = Math.min(asked, (before ?? asked + 1) - 1);
    if (head < asked || last - first + 1 < views.length || views.length > limit)
      throw new Violation("ORD1", `a page of ${cid} from ${first} to ${last} at ${head}, asked at ${asked}`);
    for (const [i, { seq }] of views.entries())
      if (seq !== first + i) throw new Violation("DUR2", `a page of ${cid} has ${seq} at place ${i} from ${first}`);
    // What a member of a group may not see is left out at the beginning.
    if (kindOf(cid) === "direct") {
      const whole = after === undefined ? last >= end : first === Math.min(after, head) + 1 && (more || last >= end);
      if (end > (after ?? 0) && !whole)
        throw new Violation(
          "DUR2",
          `a page of ${cid} after ${after} before ${before} shows ${first}-${last} of ${end}`,
        );
    }
    for (const view of views) this.#shows(cid, view, asked);
  }

  /** In the end the store has the whole history, beside the log, and of what has left the log its countable positions are known. */
  outcome(host: ConversationHost): void {
    const { cid, core } = host;
    const { behind, differs, first } = core.archive.health;
    if (behind > 0 && !differs) throw new Violation("DUR2", `${cid}: ${behind} entries wait for the store for ever`);
    const forgotten = this.#line.forgotten(cid);
    for (const { seq, count } of this.#ledger.entries(cid)) {
      if (seq < first || !forgotten.has(seq)) this.#stored(cid, seq, `is in the log from ${first} on`);
      const counted = core.log.countAt(seq);
      if (counted !== count) throw new Violation("UNR1", `${cid}/${seq}: position ${counted}, not ${count}`);
    }
  }

  #stored(cid: Cid, seq: number, where: string): void {
    const durable = this.#ledger.entry(cid, seq);
    const [stored] = this.#line.table(cid).read(seq, seq);
    const head = this.#ledger.head(cid);
    if (durable === undefined || stored === undefined)
      throw new Violation("DUR2", `${cid}/${seq} ${where}, and is not in the store`);
    const view = JSON.parse(`{${messageFields(cid, stored, stored.amended)}}`) as MessageView;
    const body = this.#erased(cid, durable, head) ? "" : durable.body;
    const right = lineOf(this.#ledger.shown(cid, durable, head));
    const same = lineOf(shownOf(view)) === right && stored.body === body && rest(stored) === rest(durable);
    if (!same) throw new Violation("DUR2", `${cid}/${seq} ${where}; the store has ${lineOf(shownOf(view))}: ${right}`);
  }

  #shows(cid: Cid, view: MessageView, asked: number): void {
    const { seq = 0, kind, body } = view;
    const durable = this.#ledger.entry(cid, seq);
    if (durable === undefined) throw new Violation("DUR1", `a page of ${cid} shows ${seq}, which is not durable`);
    const since = this.#ledger.amendments(cid, seq).filter((entry) => entry.seq > asked);
    const right = [asked, ...since.map((entry) => entry.seq)].map((at) => lineOf(this.#ledger.shown(cid, durable, at)));
    const shown = lineOf(shownOf(view));
    if (!right.includes(shown))
      throw new Violation("DUR2", `a page of ${cid}, asked for at ${asked}, shows ${shown}: ${right.join(" or ")}`);
    if (kind !== "amend" || body === undefined) return;
    if (JSON.stringify(body) !== durable.body || this.#erased(cid, durable, asked))
      throw new Violation("DUR2", `a page of ${cid}, asked for at ${asked}, shows the erased text of ${seq}`);
  }

  /** Its text was gone when the log was so long. */
  #erased(cid: Cid, { seq, op, target }: Durable, at: number): boolean {
    const of = op === "edit" ? target : seq;
    return this.#ledger.amendments(cid, of ?? 0).some((entry) => entry.op === "recall" && entry.seq <= at);
  }
}

function rest({ ts, priority, count, reply_to, target, op }: StoredMessage | Durable): string {
  return JSON.stringify([ts, priority, count, reply_to, target, op]);
}
