/**
 * An edge process with its clients' sessions: does with queues what connection.ts does with sockets. It keeps nothing: a crash
 * ends its sessions and breaks their sockets.
 */
import { Session } from "../../src/workers/edge/session.ts";
import type { Uid } from "../../src/protocol/ids.ts";
import { decodeRelayed, type Attach } from "../../src/protocol/link.ts";
import type { ServerFrame } from "../../src/protocol/frames.ts";
import type { SessionEye } from "./checks.ts";
import { RelayWires } from "./groups/relay-wires.ts";
import { Life } from "./life.ts";
import type { Sim } from "./sim.ts";
import type { Down, LinkWire } from "./user-host.ts";
import { breakWire, Pipe, type Ear, type Wire } from "./wire.ts";

/** Text goes up; what goes down was parsed once, where it is checked. */
export type ClientWire = Wire<string, readonly ServerFrame[]>;

export class Edge {
  readonly #sim: Sim;
  #connections = new Set<Connection>();

  constructor(sim: Sim) {
    this.#sim = sim;
  }

  get connections(): readonly Connection[] {
    return [...this.#connections];
  }

  /** A client connects; `ear` is the client's end. */
  connect(ear: Ear<readonly ServerFrame[]>): ClientWire {
    const connection: Connection = new Connection(this.#sim, ear, () => this.#connections.delete(connection));
    this.#connections.add(connection);
    return connection.wire;
  }

  crash(): void {
    for (const connection of this.#connections) connection.die();
    this.#connections.clear();
  }
}

export class Connection {
  readonly wire: ClientWire;
  readonly #sim: Sim;
  readonly #life: Life;
  readonly #session: Session;
  readonly #eye: SessionEye;
  readonly #over: () => void;
  readonly #relays: RelayWires;
  #link: LinkWire | undefined;
  #timerAt: number | undefined;

  constructor(sim: Sim, ear: Ear<readonly ServerFrame[]>, over: () => void) {
    this.#sim = sim;
    this.#over = over;
    this.#life = new Life(sim.clock);
    this.#eye = sim.checks.session();
    this.#relays = new RelayWires(sim, this.#life, {
      heard: (cid, text) => {
        sim.trace(`edge ${this.#eye.device}`, () => `hears of a relay ${text}`);
        if (sim.bug === "open gate at the edge" && !text.startsWith("!")) this.#past(text);
        else this.#session.fromRelay(cid, text, sim.clock.now);
        this.#schedule();
      },
      lost: (cid) => {
        this.#session.relayLost(cid, sim.clock.now);
        this.#schedule();
      },
    });
    const hop = (): number => sim.hop();
    this.wire = {
      up: new Pipe<string>(sim.clock, hop, {
        heard: (text) => this.#fromClient(text),
        closed: () => this.#gone(),
      }),
      down: new Pipe<readonly ServerFrame[]>(sim.clock, hop, ear),
    };
    this.#session = new Session(
      sim.name("s"),
      sim.config,
      {
        send: (text) => this.wire.down.send(sim.checks.toClient(this.#eye, text)),
        close: (code) => this.#close(code),
        authenticate: (token) => {
          this.#life.after(hop(), () => {
            this.#eye.uid = token as Uid;
            this.#session.authenticated({ ok: true, value: { uid: token as Uid } }, sim.clock.now);
            this.#schedule();
          });
        },
        link: (uid, attach) => this.#openLink(uid, attach),
        forward: (text) => this.#link?.up.send(text),
        unlink: () => this.#unlink(),
        relayOf: (uid, relays) => ({ node: placeOf(uid) % relays, epoch: 1 }),
        refreshRoutes: () => {},
        relay: (node, attach) => this.#relays.open(node, attach),
        toRelay: (cid, text) => this.#relays.send(cid, text),
        unrelay: (cid) => this.#relays.close(cid),
        requestId: () => sim.name("r"),
        chance: () => sim.chance.next(),
      },
      sim.clock.now,
    );
    this.#schedule();
  }

  /** The link breaks, and nothing else. True: there was one. */
  breakLink(): boolean {
    const link = this.#link;
    if (link !== undefined) breakWire(link, this.#sim.clock, this.#sim.hop(), () => this.#notice());
    return link !== undefined;
  }

  /** The link to a relay breaks, and nothing else. */
  breakRelay(): void {
    this.#relays.breakOne();
  }

  /** The deliberate fault: what a relay says goes to the client as it comes. */
  #past(text: string): void {
    const down = decodeRelayed(text);
    if ("payload" in down) this.wire.down.send(this.#sim.checks.toClient(this.#eye, down.payload));
  }

  /** The process is gone. */
  die(): void {
    const { clock } = this.#sim;
    this.#life.end();
    this.#relays.die();
    this.wire.up.stop();
    breakWire(this.wire, clock, this.#sim.hop(), () => this.#notice());
    this.#link?.down.stop();
    if (this.#link !== undefined) breakWire(this.#link, clock, this.#sim.hop(), () => this.#notice());
    this.#link = undefined;
  }

  /** How long an end does not notice that a wire broke, ms. */
  #notice(): number {
    return this.#sim.chance.duration(60, 8000);
  }

  #fromClient(text: string): void {
    this.#session.received(text, this.#sim.clock.now);
    this.#schedule();
  }

  #gone(): void {
    this.#session.gone();
    this.#life.end();
    this.#over();
  }

  #close(code: number): void {
    this.wire.up.stop();
    this.wire.down.close(code);
    this.#life.end();
    this.#over();
  }

  #openLink(uid: Uid, attach: Attach): void {
    this.#eye.device = attach.device;
    this.#sim.trace(`edge ${attach.device}`, () => `opens a link ${JSON.stringify(attach)}`);
    const { clock, chance, calm, profile } = this.#sim;
    const fate = calm ? 1 : chance.next() / profile.lossy;
    clock.after(this.#sim.hop(), () => {
      const user = this.#sim.user(uid);
      if (fate < 0.5 || !user.reachable) return this.#life.after(this.#sim.hop(), () => this.#linkLost());
      let opening: LinkWire | undefined;
      user.accept(attach, (objectEar) => {
        const hop = (): number => this.#sim.hop();
        const down: Ear<Down> = {
          heard: (message) => this.#fromLink(wire, message),
          closed: () => this.#lost(wire),
        };
        const wire: LinkWire = { up: new Pipe(clock, hop, objectEar), down: new Pipe(clock, hop, down) };
        opening = wire;
        return wire;
      });
      // The answer is lost: the object believes in a link that nobody has.
      if (fate < 1 && opening !== undefined) {
        opening.down.stop();
        breakWire(opening, clock, this.#sim.hop(), () => this.#notice());
        this.#life.after(this.#sim.hop(), () => this.#linkLost());
      }
    });
  }

  #fromLink(wire: LinkWire, message: Down): void {
    if (!this.#life.alive) {
      // The session ended while its link was being opened.
      wire.down.stop();
      return wire.up.close(1000);
    }
    if (message === "open") {
      this.#link = wire;
      if (this.#eye.linked()) this.#sim.stats.count("links made anew");
      this.#session.linked();
    } else if (this.#link === wire) {
      this.#sim.trace(`edge ${this.#eye.device}`, () => `hears ${message.text}`);
      this.#session.fromLink(message.text, this.#sim.clock.now);
    }
    this.#schedule();
  }

  #lost(wire: LinkWire): void {
    if (!this.#life.alive) return;
    // It broke before it was open, or while it was in use; a link that was given up is of the past.
    if (this.#link !== undefined && this.#link !== wire) return;
    this.#linkLost();
  }

  #linkLost(): void {
    this.#link = undefined;
    this.#sim.stats.count("links broken");
    this.#session.linkLost(this.#sim.clock.now);
    this.#schedule();
  }

  #unlink(): void {
    const link = this.#link;
    this.#link = undefined;
    link?.down.stop();
    link?.up.close(1000);
  }

  #schedule(): void {
    if (this.#session.closed) return;
    const at = this.#session.nextTick();
    if (this.#timerAt !== undefined && this.#timerAt <= at) return;
    this.#timerAt = at;
    this.#life.after(Math.max(1, at - this.#sim.clock.now), () => {
      if (this.#timerAt !== at) return;
      this.#timerAt = undefined;
      this.#session.tick(this.#sim.clock.now);
      this.#schedule();
    });
  }
}

/** Where a user's devices listen; any number that is always the same. */
function placeOf(uid: Uid): number {
  return [...uid].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
}
