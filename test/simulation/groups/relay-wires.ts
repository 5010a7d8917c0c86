/** The relay links of one edge connection, one per group: does with queues what link.ts does with sockets. */
import type { Cid } from "../../../src/protocol/ids.ts";
import type { RelayAttach } from "../../../src/protocol/link.ts";
import type { Life } from "../life.ts";
import type { Sim } from "../sim.ts";
import type { Down, LinkWire } from "../user-host.ts";
import { breakWire, Pipe, type Ear } from "../wire.ts";

export interface RelayEvents {
  heard(cid: Cid, text: string): void;
  lost(cid: Cid): void;
}

interface Opened {
  wire?: LinkWire;
}

export class RelayWires {
  readonly #sim: Sim;
  readonly #life: Life;
  readonly #events: RelayEvents;
  /** The link in use, or being opened, of each group; events of any other are of the past. */
  readonly #links = new Map<Cid, Opened>();

  constructor(sim: Sim, life: Life, events: RelayEvents) {
    this.#sim = sim;
    this.#life = life;
    this.#events = events;
  }

  open(node: number, attach: RelayAttach): void {
    const { cid } = attach;
    const { clock, chance, calm, profile } = this.#sim;
    this.close(cid);
    const link: Opened = {};
    this.#links.set(cid, link);
    const fate = calm ? 1 : chance.next() / profile.lossy;
    const hop = (): number => this.#sim.hop();
    const lostLater = (): void => this.#life.after(hop(), () => this.#lost(cid, link));
    clock.after(hop(), () => {
      const relay = this.#sim.relay(cid, node);
      if (fate < 0.5 || !relay.reachable) return lostLater();
      relay.accept(attach, (relayEar) => {
        const down: Ear<Down> = {
          heard: (message) => this.#heard(cid, link, wire, message),
          closed: () => this.#lost(cid, link),
        };
        const wire: LinkWire = { up: new Pipe(clock, hop, relayEar), down: new Pipe(clock, hop, down) };
        // The answer is lost: the relay believes in a link that nobody has.
        if (fate < 1) {
          wire.down.stop();
          breakWire(wire, clock, hop(), () => this.#notice());
          lostLater();
        }
        return wire;
      });
    });
  }

  send(cid: Cid, text: string): void {
    this.#links.get(cid)?.wire?.up.send(text);
  }

  close(cid: Cid): void {
    const wire = this.#links.get(cid)?.wire;
    this.#links.delete(cid);
    wire?.down.stop();
    wire?.up.close(1000);
  }

  /** A link breaks, and nothing else. */
  breakOne(): void {
    const wires = [...this.#links.values()].flatMap(({ wire }) => wire ?? []);
    if (wires.length > 0)
      breakWire(this.#sim.chance.pick(wires), this.#sim.clock, this.#sim.hop(), () => this.#notice());
  }

  /** The process is gone. */
  die(): void {
    for (const { wire } of this.#links.values()) {
      if (wire === undefined) continue;
      wire.down.stop();
      breakWire(wire, this.#sim.clock, this.#sim.hop(), () => this.#notice());
    }
    this.#links.clear();
  }

  #heard(cid: Cid, link: Opened, wire: LinkWire, message: Down): void {
    if (!this.#life.alive || this.#links.get(cid) !== link) {
      wire.down.stop();
      return wire.up.close(1000);
    }
    if (message === "open") link.wire = wire;
    else this.#events.heard(cid, message.text);
  }

  #lost(cid: Cid, link: Opened): void {
    if (!this.#life.alive || this.#links.get(cid) !== link) return;
    this.#links.delete(cid);
    this.#sim.stats.count("relay links broken");
    this.#events.lost(cid);
  }

  #notice(): number {
    return this.#sim.chance.duration(60, 8000);
  }
}
