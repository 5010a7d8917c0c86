/** The shell of a user's object in the simulated world: does with queues what user-object.ts does with the platform. */
import { Link, type Attachment } from "../../src/durable-objects/user/links.ts";
import { User } from "../../src/durable-objects/user/user.ts";
import { UserStore } from "../../src/durable-objects/user/user-store.ts";
import type { PushCall, PushReply } from "../../src/durable-objects/rpc.ts";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import type { Attach, UpFrame } from "../../src/protocol/link.ts";
import { Host } from "./host.ts";
import type { Life } from "./life.ts";
import type { Sim } from "./sim.ts";
import { userPort } from "./user-port.ts";
import { Window } from "./window.ts";
import { breakWire, type Ear, type Wire } from "./wire.ts";

const CALL_DEADLINE_MS = 10_000;
const SETTLE_LIMIT_MS = 1000;

/** What goes down a link: first that it is open, then texts. */
export type Down = { readonly text: string } | "open";
export type LinkWire = Wire<string, Down>;

/** The object's end of a link: it outlives the object's memory. */
class LinkEnd {
  readonly wire: LinkWire;
  /** Of this life of the object. */
  window: Window;
  attachment: Attachment | undefined;

  constructor(wire: LinkWire, window: Window) {
    this.wire = wire;
    this.window = window;
  }
}

export class UserHost extends Host {
  readonly uid: Uid;
  #core: User | undefined;
  #timerAt: number | undefined;
  readonly #ends = new Set<LinkEnd>();
  readonly #endOf = new Map<Link, LinkEnd>();
  readonly #settling = new Set<() => void>();

  constructor(sim: Sim, uid: Uid) {
    super(sim, uid, true);
    this.uid = uid;
  }

  get core(): User {
    this.awake();
    return this.#core as User;
  }

  /** Links that are open, as far as this object knows. */
  get wires(): LinkWire[] {
    return [...this.#ends].map((end) => end.wire);
  }

  /** A link is opened; `makeWire` joins the two ends. */
  accept(attach: Attach, makeWire: (ear: Ear<string>) => LinkWire): void {
    this.awake();
    const ear: Ear<string> = {
      heard: (text) => this.#frames(end, JSON.parse(text) as UpFrame[]),
      closed: () => this.#closed(end),
    };
    const link = new Link({ ...attach, lagging: false }, attach.seen);
    const end = new LinkEnd(makeWire(ear), this.#window(link));
    this.#ends.add(end);
    this.#endOf.set(link, end);
    this.disk.out(() => end.wire.down.send("open"));
    this.core.attach(link, attach, this.sim.clock.now);
    this.after();
  }

  push(push: PushCall, respond: (reply: PushReply) => void): void {
    const { core, sim } = this;
    const before = core.heads.get(push.cid)?.head ?? 0;
    if (push.skip && (push.entries[0]?.seq ?? 0) > before + 1) sim.stats.count("holes announced");
    const reply = core.push(sim.bug === "deaf to the base" ? deaf(push, before) : push, sim.clock.now);
    if (push.membership !== undefined) sim.stats.count("messages by pushes", push.entries.length);
    this.after();
    if (sim.bug === "taken too early") return respond({ have: reply.have, taken: reply.have });
    if (!push.settle) return respond(reply);
    const settled = (): void => {
      const marks = core.ride(push.cid, sim.clock.now);
      respond({ ...core.taken(push), have: reply.have, marks });
    };
    if (reply.taken < reply.have) this.#flushed(SETTLE_LIMIT_MS, settled);
    else settled();
  }

  receipt(cid: Cid, from: Uid, delivered: number, read: number, respond: (known: boolean) => void): void {
    const known = this.core.receipt(cid, from, delivered, read, this.sim.clock.now);
    this.after();
    if (known) this.#flushed(CALL_DEADLINE_MS, () => respond(known));
    else respond(known);
  }

  /** After every event: does what is due, and sets the one timer for what comes next. */
  after(): void {
    const { core, sim } = this;
    let next = core.nextTick();
    if (next !== undefined && next <= sim.clock.now) {
      core.tick(sim.clock.now);
      next = core.nextTick();
    }
    for (const check of this.#settling) check();
    if (next === undefined || (this.#timerAt !== undefined && this.#timerAt <= next)) return;
    this.#timerAt = next;
    this.#life.after(Math.max(1, next - sim.clock.now), () => {
      if (this.#timerAt !== next) return;
      this.#timerAt = undefined;
      this.after();
    });
  }

  protected wake(): void {
    const store = new UserStore(this.disk.sql, this.disk.transact);
    const links = [...this.#ends].flatMap((end) => {
      if (end.attachment === undefined) return [];
      const link = new Link(end.attachment);
      end.window = this.#window(link);
      this.#endOf.set(link, end);
      return [link];
    });
    const port = userPort(this.sim, this, {
      send: (link, text) => {
        const end = this.#endOf.get(link);
        if (end === undefined) return;
        end.window.down(text);
        this.disk.out(() => end.wire.down.send({ text }));
      },
      close: (link) => this.#close(link),
      keep: (link) => {
        const end = this.#endOf.get(link);
        if (end !== undefined) end.attachment = link.attachment;
      },
      alarm: (at) => {
        if (this.alarmAt === undefined || this.alarmAt > at) this.setAlarm(at);
      },
    });
    this.#core = new User(this.uid, store, this.sim.config, port, links);
  }

  protected ring(done: () => void): void {
    this.core.alarm(this.sim.clock.now);
    this.after();
    done();
  }

  protected sleep(): void {
    this.#core = undefined;
    this.#timerAt = undefined;
    this.#endOf.clear();
    this.#settling.clear();
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
    return this.#timerAt === undefined && this.#settling.size === 0;
  }

  protected confirmed(): void {}

  #frames(end: LinkEnd, frames: UpFrame[]): void {
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
    this.core.registry.closed(link, this.sim.clock.now);
    this.after();
  }

  #close(link: Link): void {
    const end = this.#endOf.get(link);
    if (end === undefined) return;
    this.#endOf.delete(link);
    this.#ends.delete(end);
    end.wire.up.stop();
    this.disk.out(() => end.wire.down.close(1000));
  }

  #window(link: Link): Window {
    return new Window(link.device, this.sim.config.limits.window, () => this.sim.stats.count("windows full"));
  }

  #linkAt(end: LinkEnd): Link | undefined {
    for (const [link, other] of this.#endOf) if (other === end) return link;
    return undefined;
  }

  #flushed(ms: number, then: () => void): void {
    const { core } = this;
    const finish = (): void => {
      if (this.#settling.delete(check)) then();
    };
    const check = (): void => {
      if (!core.heads.dirty) finish();
    };
    this.#settling.add(check);
    this.#life.after(ms, finish);
    check();
  }

  get #life(): Life {
    return this.awake();
  }
}

/** The deliberate fault: a receiver that knows a group is not told where pushing begins. */
function deaf(push: PushCall, head: number): PushCall {
  const { membership } = push;
  if (membership === undefined || head === 0) return push;
  return { ...push, membership: { ...membership, base: { seq: Math.min(head, membership.base.seq), count: 0 } } };
}
