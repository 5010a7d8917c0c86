/**
 * Where an object lives: its disk, its alarm, and whether it is in memory. It wakes when somebody needs it, and loses its
 * memory by a crash (with everything unconfirmed) or by an eviction (only when nothing is going on).
 */
import { Disk, DiskRefused } from "./disk.ts";
import { Life } from "./life.ts";
import type { Sim } from "./sim.ts";

/** A handler of an alarm that died runs again after this time, ms. */
const ALARM_RETRY_MS = 2000;

/** One call as the callee sees it: it answers, now or later, or fails. */
export type Serve<T> = (respond: (value: T) => void, fail: () => void) => void;

interface Alarm {
  readonly at: number;
}

export abstract class Host {
  readonly disk: Disk;
  readonly name: string;
  crashes = 0;
  protected readonly sim: Sim;
  #life: Life | undefined;
  /** Until then it cannot be reached. */
  #awayUntil = 0;
  /** As the object sees it, and as it would be after a crash. Two may be for one time: the one that rings, and the next. */
  #alarm: Alarm | undefined;
  #durableAlarm: Alarm | undefined;
  #handling = false;

  constructor(sim: Sim, name: string, gated: boolean) {
    this.sim = sim;
    this.name = name;
    this.disk = new Disk(sim.clock, sim.chance, { begun: () => this.#begun(), done: () => this.#committed() }, gated);
  }

  /** Makes the object in memory from what its disk and its sockets keep. */
  protected abstract wake(life: Life): void;
  /** Runs the object's alarm handler. */
  protected abstract ring(done: () => void): void;
  /** Everything in memory is gone. */
  protected abstract sleep(): void;
  protected abstract broken(): void;
  /** Nothing is going on that would keep the object in memory. */
  protected abstract idle(): boolean;
  /** Writes became durable. */
  protected abstract confirmed(): void;

  get life(): Life | undefined {
    return this.#life;
  }

  get reachable(): boolean {
    return this.sim.clock.now >= this.#awayUntil;
  }

  /** The life in memory; begins one when there is none. */
  awake(): Life {
    if (this.#life !== undefined) return this.#life;
    const life = new Life(this.sim.clock);
    this.sim.trace(this.name, () => "wakes");
    this.#life = life;
    const { refuses } = this.disk;
    this.disk.refuses = false;
    this.wake(life);
    this.disk.refuses = refuses;
    return life;
  }

  /** Serves one call. `done` gets the answer when it may leave, or undefined when the object could not give one. */
  serve<T>(run: Serve<T>, done: (value: T | undefined) => void): void {
    if (!this.reachable) return done(undefined);
    const life = this.awake();
    life.busy += 1;
    let over = false;
    const finish = (value: T | undefined): void => {
      if (over) return;
      over = true;
      life.busy -= 1;
      forget();
      done(value);
    };
    const forget = life.onEnd(() => finish(undefined));
    try {
      run(
        (value) => life.alive && this.disk.out(() => finish(value)),
        () => finish(undefined),
      );
    } catch (error) {
      if (!(error instanceof DiskRefused)) throw error;
      this.sim.stats.count("writes refused");
      finish(undefined);
    }
  }

  /** Nobody reaches it for a while; it knows nothing of that. */
  goAway(ms: number): void {
    this.sim.trace(this.name, () => `is away for ${ms}`);
    this.#awayUntil = this.sim.clock.now + ms;
  }

  comeBack(): void {
    this.#awayUntil = 0;
  }

  /** Memory and everything unconfirmed is lost. */
  crash(): void {
    const life = this.#life;
    if (life === undefined) return;
    this.sim.trace(this.name, () => "crashes");
    this.crashes += 1;
    this.#life = undefined;
    life.end();
    if (this.disk.crash()) this.sim.stats.count("commits lost");
    this.#alarm = this.sim.bug === "alarm in memory" ? undefined : this.#durableAlarm;
    this.#durableAlarm = this.#alarm;
    this.sleep();
    this.broken();
    if (this.#alarm !== undefined) this.#ringAt(this.#alarm, this.#handling ? ALARM_RETRY_MS : 0);
    this.#handling = false;
  }

  /** Memory is given back, if nothing is going on. True: it was. */
  evict(): boolean {
    const life = this.#life;
    if (life === undefined || life.busy > 0 || this.disk.dirty || this.#handling || !this.idle()) return false;
    this.sim.trace(this.name, () => "is evicted");
    this.#life = undefined;
    life.end();
    this.sleep();
    return true;
  }

  protected get alarmAt(): number | undefined {
    return this.#alarm?.at;
  }

  protected setAlarm(at: number): void {
    this.#alarm = { at };
    this.disk.wrote();
  }

  #begun(): void {
    const { calm, chance, clock, profile } = this.sim;
    if (calm || !chance.hit(profile.fragile)) return;
    const life = this.#life;
    clock.after(chance.between(0, 3), () => {
      if (this.#life !== life || !this.disk.dirty) return;
      this.sim.stats.count("crashes in a commit");
      this.crash();
    });
  }

  #committed(): void {
    // While a handler runs its own alarm stays durable: it is only over when the handler has ended well.
    if (this.#alarm !== this.#durableAlarm && !(this.#handling && this.#alarm === undefined)) {
      this.#durableAlarm = this.#alarm;
      if (this.#alarm !== undefined) this.#ringAt(this.#alarm, 0);
    }
    this.confirmed();
  }

  #ringAt(alarm: Alarm, atLeast: number): void {
    const { clock, chance } = this.sim;
    const wait = Math.max(atLeast, alarm.at - clock.now) + chance.duration(10, 500);
    clock.after(wait, () => {
      if (this.#durableAlarm !== alarm) return;
      if (this.#handling || !this.reachable) return this.#ringAt(alarm, 200);
      this.sim.stats.count("alarms");
      this.sim.trace(this.name, () => "alarm");
      const life = this.awake();
      this.#handling = true;
      this.#alarm = undefined;
      this.ring(() => {
        if (!life.alive) return;
        this.#handling = false;
        // The end of the alarm, or the new one, becomes durable.
        this.disk.wrote();
      });
    });
  }
}
