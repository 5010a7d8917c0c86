/** Carries a simulated conversation's log to the store: does with queues what archiver.ts does with the platform. */
import type { Batch } from "../../../src/durable-objects/conversation/archive.ts";
import type { Conversation } from "../../../src/durable-objects/conversation/conversation.ts";
import type { Cid } from "../../../src/protocol/ids.ts";
import type { StoredMessage } from "../../../src/store/messages.ts";
import { DiskRefused } from "../disk.ts";
import type { Host } from "../host.ts";
import type { Life } from "../life.ts";
import type { Sim } from "../sim.ts";

export class HistoryCarrier {
  readonly #sim: Sim;
  readonly #host: Host;
  readonly #cid: Cid;
  readonly #core: Conversation;
  readonly #life: Life;
  readonly #wakeBy: (at: number) => void;
  #running = false;
  #timerAt: number | undefined;

  constructor(sim: Sim, host: Host, cid: Cid, core: Conversation, wakeBy: (at: number) => void) {
    this.#sim = sim;
    this.#host = host;
    this.#cid = cid;
    this.#core = core;
    this.#life = host.awake();
    this.#wakeBy = wakeBy;
  }

  schedule(): void {
    const { clock, stats } = this.#sim;
    const at = this.#core.archive.due();
    if (at === undefined || this.#running) return;
    if (this.#core.archive.retrying) {
      stats.count("alarms for the store");
      this.#sim.trace(this.#host.name, () => `comes back to the store at ${at % 1e7}`);
      return this.#wakeBy(at);
    }
    if (this.#timerAt !== undefined && this.#timerAt <= at) return;
    this.#timerAt = at;
    this.#life.after(Math.max(1, at - clock.now), () => {
      if (this.#timerAt !== at) return;
      this.#timerAt = undefined;
      this.pump();
    });
  }

  pump(): void {
    if (this.#running) return;
    this.#running = true;
    this.#go(() => this.#next());
  }

  /** What throws there ends the pump as an answer that did not come. */
  #go(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof DiskRefused)) throw error;
      this.#sim.stats.count("writes refused");
      this.#failed();
    }
  }

  #next(): void {
    const { core, line } = { core: this.#core, line: this.#sim.history.line };
    const batch = core.archive.next(this.#sim.clock.now);
    if (batch === undefined) return this.#trim();
    const { rev, entries, changes } = batch;
    this.#sim.trace(this.#host.name, () => `tells the store ${entries.length} and ${changes.length} at ${rev}`);
    const changed = (done: boolean): void => (done ? this.#go(() => this.#done(batch)) : this.#failed());
    const put = (done: boolean): void => {
      if (!done || changes.length === 0) return changed(done);
      line.change(this.#host, this.#cid, rev, changes, changed);
    };
    if (entries.length === 0) put(true);
    else line.put(this.#host, this.#cid, rev, entries, put);
  }

  #done(batch: Batch): void {
    this.#core.archive.done(batch);
    this.#next();
  }

  #trim(): void {
    const range = this.#core.leaving(this.#sim.clock.now);
    if (range === undefined) return this.#over();
    const { first, last } = range;
    // The deliberate fault: the log itself is asked what the store has.
    if (this.#sim.bug === "trim without reading back")
      return this.#drop(first, last, this.#core.log.stored(first, last));
    this.#sim.history.line.read(this.#host, this.#cid, first, last, (stored) =>
      stored === undefined ? this.#failed() : this.#go(() => this.#drop(first, last, stored)),
    );
  }

  #drop(first: number, last: number, stored: readonly StoredMessage[]): void {
    const kept = !this.#core.archive.drop({ first, last }, stored);
    if (kept) this.#sim.stats.count("differences found");
    if (this.#core.log.first === first) return this.#over();
    this.#sim.trace(this.#host.name, () => `lets ${first}-${last} go`);
    this.#sim.stats.count("chunks that left");
    this.#sim.history.checks.left(this.#cid, first, last);
    this.#trim();
  }

  #failed(): void {
    this.#sim.trace(this.#host.name, () => "is not answered by the store");
    this.#core.archive.failed(this.#sim.clock.now, this.#sim.history.line.chance.next());
    this.#over();
  }

  #over(): void {
    this.#running = false;
    this.schedule();
  }
}
