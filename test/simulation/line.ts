/** A device's line to the server: one WebSocket at a time, a heartbeat, and an eye on whether it is still alive. */
import type { ServerFrame } from "../../src/protocol/frames.ts";
import type { ClientWire, Edge } from "./edge.ts";
import type { Sim } from "./sim.ts";
import { breakWire } from "./wire.ts";

/** How long a device waits for a word before it gives a line up, and how long it is silent itself, ms. */
const PATIENCE_MS = 9000;
const QUIET_MS = 12_000;

/** What the owner of a line hears. */
export interface Owner {
  hears(frames: readonly ServerFrame[]): void;
  /** The server closed, or the line broke; nothing more comes. */
  closed(code: number): void;
  /** The line is over, for whatever reason. */
  over(): void;
}

export class Line {
  readonly #sim: Sim;
  readonly #device: string;
  readonly #owner: Owner;
  #wire: ClientWire | undefined;
  #heardAt = 0;
  #wroteAt = 0;

  constructor(sim: Sim, device: string, owner: Owner) {
    this.#sim = sim;
    this.#device = device;
    this.#owner = owner;
  }

  get open(): boolean {
    return this.#wire !== undefined;
  }

  connect(edges: readonly Edge[]): void {
    const wire: ClientWire = this.#sim.chance.pick(edges).connect({
      heard: (frames) => this.#wire === wire && this.#hears(frames),
      closed: (code) => this.#wire === wire && this.#closed(code),
    });
    this.#wire = wire;
    this.#heardAt = this.#sim.clock.now;
  }

  say(frames: readonly object[]): void {
    this.#sim.trace(this.#device, () => `says ${JSON.stringify(frames)}`);
    this.#wroteAt = this.#sim.clock.now;
    this.#wire?.up.send(JSON.stringify(frames.length === 1 ? frames[0] : frames));
  }

  /** A line on which something was said long ago and nothing heard since is given up. */
  watch(): void {
    const { now } = this.#sim.clock;
    const silent = now >= this.#heardAt + PATIENCE_MS && now >= this.#wroteAt + PATIENCE_MS;
    if (this.#wire === undefined || !silent || this.#wroteAt <= this.#heardAt) return;
    this.#wire.up.close(1000);
    this.abandon();
  }

  /** Says something when nothing was said, or heard, for long. */
  beat(): void {
    const { now } = this.#sim.clock;
    const quiet = now >= Math.max(this.#heardAt, this.#wroteAt) + QUIET_MS;
    if (quiet || this.#heardAt < now - 2 * QUIET_MS) this.say([{ t: "ping", n: now }]);
  }

  /** It breaks; both ends notice later. */
  breakOff(): void {
    if (this.#wire === undefined) return;
    const { clock, chance, stats } = this.#sim;
    stats.count("sockets broken");
    breakWire(this.#wire, clock, this.#sim.hop(), () => chance.duration(60, 8000));
  }

  /** Ends here; the server is not told. */
  abandon(): void {
    this.#sim.trace(this.#device, () => "is offline");
    this.#wire?.down.stop();
    this.#wire = undefined;
    this.#owner.over();
  }

  #hears(frames: readonly ServerFrame[]): void {
    this.#heardAt = this.#sim.clock.now;
    this.#sim.trace(this.#device, () => `hears ${JSON.stringify(frames)}`);
    this.#owner.hears(frames);
  }

  #closed(code: number): void {
    this.abandon();
    this.#owner.closed(code);
  }
}
