/**
 * The history store as objects reach it: over a line that loses requests and answers, delivers late and twice, and is down at times.
 * Chance here is a stream of its own, so that a world whose logs never leave is the same with it or without it.
 */
import type { Cid } from "../../../src/protocol/ids.ts";
import { PUT_ROWS, type StoredChange, type StoredMessage } from "../../../src/store/messages.ts";
import { HistoryModel } from "../../support/history-model.ts";
import { Chance } from "../chance.ts";
import type { Host } from "../host.ts";
import type { Sim } from "../sim.ts";

/** A request that has not been answered by then failed, as in the drivers. */
const DEADLINE_MS = 5000;
/** How late a request can arrive that its sender has given up on, ms. */
const LATEST_MS = 60_000;

/** The deliberate fault: of two writes the one that comes last stays. */
class Careless extends HistoryModel {
  #writes = 0;

  override put(_rev: number, entries: readonly StoredMessage[]): void {
    super.put((this.#writes += 1), entries);
  }

  override change(_rev: number, changes: readonly StoredChange[]): void {
    super.change((this.#writes += 1), changes);
  }
}

export class StoreLine {
  readonly chance: Chance;
  readonly #sim: Sim;
  readonly #tables = new Map<Cid, HistoryModel>();
  readonly #forgotten = new Map<Cid, Set<number>>();
  #downUntil = 0;

  constructor(sim: Sim, seed: number) {
    this.#sim = sim;
    this.chance = new Chance(seed ^ 0x5707e);
  }

  /** What the store has of a conversation. */
  table(cid: Cid): HistoryModel {
    const known = this.#tables.get(cid);
    if (known !== undefined) return known;
    const made = this.#sim.bug === "late write wins" ? new Careless() : new HistoryModel();
    this.#tables.set(cid, made);
    return made;
  }

  /** Entries that the store has confirmed and lost: it is made of machines, too. */
  forgotten(cid: Cid): ReadonlySet<number> {
    return this.#forgotten.get(cid) ?? new Set();
  }

  /** Nothing gets there for a while. */
  goDown(ms: number): void {
    this.#downUntil = this.#sim.clock.now + ms;
  }

  comeUp(): void {
    this.#downUntil = 0;
  }

  put(from: Host, cid: Cid, rev: number, entries: readonly StoredMessage[], answer: (done: boolean) => void): void {
    if (entries.length > PUT_ROWS) this.#sim.checks.fail("DUR2", `${entries.length} entries in one write`);
    this.#sim.stats.count("store writes");
    const kept = this.#kept(cid, entries);
    this.#write(from, () => this.table(cid).put(rev, kept), answer);
  }

  change(from: Host, cid: Cid, rev: number, changes: readonly StoredChange[], answer: (done: boolean) => void): void {
    this.#sim.stats.count("store changes");
    this.#write(from, () => this.table(cid).change(rev, changes), answer);
  }

  read(
    from: Host,
    cid: Cid,
    first: number,
    last: number,
    answer: (entries: StoredMessage[] | undefined) => void,
  ): void {
    this.#request(from, () => this.table(cid).read(first, last), answer);
  }

  #write(from: Host, apply: () => void, answer: (done: boolean) => void): void {
    this.#request(
      from,
      () => {
        apply();
        return true as const;
      },
      (done) => answer(done === true),
    );
  }

  /** Most of the time all of them; else the last ones are lost, as when one machine takes over from another. */
  #kept(cid: Cid, entries: readonly StoredMessage[]): readonly StoredMessage[] {
    const { calm, profile } = this.#sim;
    if (calm || !this.chance.hit(profile.store.forgetful)) return entries;
    const kept = this.chance.between(0, entries.length - 1);
    const lost = entries.slice(kept).map(({ seq }) => seq);
    this.#forgotten.set(cid, new Set([...this.forgotten(cid), ...lost]));
    this.#sim.stats.count("entries lost by the store", lost.length);
    return entries.slice(0, kept);
  }

  /** `answer` gets undefined when it failed, which says nothing about what took place; never in another life of the asker. */
  #request<T>(from: Host, run: () => T, answer: (value: T | undefined) => void): void {
    const { clock, calm, profile, stats } = this.#sim;
    const life = from.awake();
    life.busy += 1;
    let over = false;
    const settle = (value: T | undefined): void => {
      if (over || !life.alive) return;
      over = true;
      life.busy -= 1;
      if (value === undefined) stats.count("store failures");
      answer(value);
    };
    life.after(DEADLINE_MS, () => settle(undefined));
    const after = (ms: number, then: () => void): void => clock.after(ms, then);
    const hop = (): number => this.chance.duration(12, 1500);
    from.disk.out(() => {
      const fate = calm ? 1 : this.chance.next() / profile.store.lossy;
      if (clock.now < this.#downUntil || fate < 0.3) return after(hop(), () => settle(undefined));
      if (fate < 0.6) {
        stats.count("late store requests");
        after(this.chance.between(DEADLINE_MS, LATEST_MS), () => void run());
        return after(hop(), () => settle(undefined));
      }
      if (fate < 0.8) {
        stats.count("store requests repeated");
        after(this.chance.between(0, LATEST_MS), () => void run());
      }
      after(hop(), () => {
        const value = run();
        if (fate >= 0.8 && fate < 1) stats.count("store answers lost");
        else after(hop(), () => settle(value));
      });
    });
  }
}
