/** The shell of a relay in the simulated world: does with queues what relay-object.ts does with the platform. */
import type { Admission } from "../../../src/durable-objects/group-rpc.ts";
import { Relay } from "../../../src/durable-objects/relay/relay.ts";
import { RelayLink, type RelayAttachment } from "../../../src/durable-objects/relay/relay-link.ts";
import type { Result } from "../../../src/lib/result.ts";
import type { Refusal } from "../../../src/protocol/codes.ts";
import type { Cid } from "../../../src/protocol/ids.ts";
import type { RelayAttach, RelayUpFrame } from "../../../src/protocol/link.ts";
import { call } from "../calls.ts";
import { Host } from "../host.ts";
import type { Sim } from "../sim.ts";
import type { LinkWire } from "../user-host.ts";
import { Window } from "../window.ts";
import { breakWire, type Ear } from "../wire.ts";

/** Share of admissions of devices that chose by an old routing table. */
const STALE = 0.03;

/** The relay's end of a link: it outlives the relay's memory. */
interface LinkEnd {
  readonly wire: LinkWire;
  window: Window;
  attachment: RelayAttachment | undefined;
}

export class RelayHost extends Host {
  readonly #cid: Cid;
  readonly #node: number;
  #core: Relay | undefined;
  #timerAt: number | undefined;
  readonly #ends = new Set<LinkEnd>();
  readonly #endOf = new Map<RelayLink, LinkEnd>();

  constructor(sim: Sim, cid: Cid, node: number) {
    super(sim, `${cid.slice(0, 5)}#${node}`, true);
    this.#cid = cid;
    this.#node = node;
  }

  get core(): Relay {
    this.awake();
    return this.#core as Relay;
  }

  get wires(): LinkWire[] {
    return [...this.#ends].map(({ wire }) => wire);
  }

  /** A link is opened; `makeWire` joins the two ends. */
  accept(attach: RelayAttach, makeWire: (ear: Ear<string>) => LinkWire): void {
    this.awake();
    const ear: Ear<string> = {
      heard: (text) => this.#frames(end, JSON.parse(text) as RelayUpFrame[]),
      closed: () => this.#closed(end),
    };
    const link = new RelayLink({ ...attach, lagging: false }, attach);
    const end: LinkEnd = { wire: makeWire(ear), window: this.#window(link), attachment: undefined };
    this.#ends.add(end);
    this.#endOf.set(link, end);
    end.wire.down.send("open");
    this.sim.stats.count("relay links");
    this.core.attach(link, attach);
    this.after();
  }

  /** After every event: does what is due, and sets the one timer for what comes next. */
  after(): void {
    const { core, sim } = this;
    core.tick(sim.clock.now);
    const next = core.nextTick();
    if (next === undefined || (this.#timerAt !== undefined && this.#timerAt <= next)) return;
    this.#timerAt = next;
    this.awake().after(Math.max(1, next - sim.clock.now), () => {
      if (this.#timerAt !== next) return;
      this.#timerAt = undefined;
      this.after();
    });
  }

  protected wake(): void {
    const { sim } = this;
    const links = [...this.#ends].flatMap((end) => {
      if (end.attachment === undefined) return [];
      const link = new RelayLink(end.attachment);
      end.window = this.#window(link);
      this.#endOf.set(link, end);
      return [link];
    });
    const group = sim.group(this.#cid);
    this.#core = new Relay(
      this.#cid,
      sim.config,
      {
        send: (link, text) => {
          const end = this.#endOf.get(link);
          if (end === undefined) return;
          end.window.down(text);
          end.wire.down.send({ text });
        },
        close: (link) => this.#close(link),
        keep: (link) => {
          const end = this.#endOf.get(link);
          if (end !== undefined) end.attachment = link.attachment;
        },
        admit: (link, { uid, after }) => {
          call<Result<Admission, Refusal>>(
            sim,
            this,
            group,
            (respond) => respond(group.admit(this.#node, uid, after)),
            (answer) => {
              this.core.admitted(link, answer, sim.clock.now);
              this.after();
            },
            `admit ${uid} after ${after}`,
          );
        },
        marks: (list) => {
          call<true>(
            sim,
            this,
            group,
            (respond) => {
              group.marks(list);
              respond(true);
            },
            (told) => {
              this.core.reported(told === true, sim.clock.now);
              this.after();
            },
            "marks",
          );
        },
        isStale: () => !sim.calm && sim.chance.hit(STALE),
        chance: () => sim.chance.next(),
      },
      links,
    );
  }

  protected ring(done: () => void): void {
    done();
  }

  protected sleep(): void {
    this.#core = undefined;
    this.#timerAt = undefined;
    this.#endOf.clear();
  }

  /** A crash breaks the links; what had left still arrives. */
  protected broken(): void {
    for (const { wire } of this.#ends) {
      wire.up.stop();
      breakWire(wire, this.sim.clock, this.sim.hop(), () => this.sim.hop());
    }
    this.#ends.clear();
  }

  protected idle(): boolean {
    return this.#timerAt === undefined;
  }

  protected confirmed(): void {}

  #frames(end: LinkEnd, frames: RelayUpFrame[]): void {
    this.awake();
    const link = this.#linkAt(end);
    if (link === undefined) return;
    end.window.up(frames);
    this.core.frames(link, frames, this.sim.clock.now);
    this.after();
  }

  #closed(end: LinkEnd): void {
    this.awake();
    const link = this.#linkAt(end);
    this.#ends.delete(end);
    if (link === undefined) return;
    this.#endOf.delete(link);
    this.core.closed(link);
    this.after();
  }

  #close(link: RelayLink): void {
    const end = this.#endOf.get(link);
    if (end === undefined) return;
    this.#endOf.delete(link);
    this.#ends.delete(end);
    end.wire.up.stop();
    end.wire.down.close(1000);
  }

  #window(link: RelayLink): Window {
    return new Window(link.device, this.sim.config.limits.window, () => this.sim.stats.count("windows full"));
  }

  #linkAt(end: LinkEnd): RelayLink | undefined {
    for (const [link, other] of this.#endOf) if (other === end) return link;
    return undefined;
  }
}
