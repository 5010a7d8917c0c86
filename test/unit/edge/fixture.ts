/** One client's session with everything around it in a test's hands: client, link, token check, clock. */
import { parseConfig } from "../../../src/config/config.ts";
import { ServerFrame } from "../../../src/protocol/frames.ts";
import type { Cid, Uid } from "../../../src/protocol/ids.ts";
import {
  encodeControl,
  encodeDown,
  type Attach,
  type Control,
  type Note,
  type RelayAttach,
  type RelayControl,
  type RelayUpFrame,
  type UpFrame,
} from "../../../src/protocol/link.ts";
import { Session } from "../../../src/workers/edge/session.ts";

export const START = 1_800_000_000_000;
export const ALICE = "alice" as Uid;
export const BOB = "bob" as Uid;
export const VERSION = START * 1000;

export class Edge {
  readonly session: Session;
  now = START;
  /** How the client's connection was ended. */
  closed: { code: number; reason: string } | undefined;
  /** Tokens to check, links to open, frames over the link, since a test took them out. */
  tokens: string[] = [];
  links: Attach[] = [];
  ups: UpFrame[][] = [];
  /** Times that the link was closed from this end. */
  unlinked = 0;
  chance: number;
  /** Relay links that are open or being opened, all that were asked for as `<cid> <after>`, and what went over them. */
  readonly relays = new Map<Cid, RelayAttach & { node: number }>();
  opened: string[] = [];
  relayUps: string[] = [];
  /** Of the routing table. */
  epoch = 1;
  #frames: ServerFrame[] = [];

  constructor(config: unknown = {}, chance = 0.5) {
    this.chance = chance;
    const port = {
      send: (text: string): void => {
        if (this.closed !== undefined) throw new Error("told something after the end");
        this.#frames.push(...[JSON.parse(text) as unknown].flat().map((frame) => ServerFrame.parse(frame)));
      },
      close: (code: number, reason: string): void => {
        if (this.closed !== undefined) throw new Error("ended twice");
        this.closed = { code, reason };
      },
      authenticate: (token: string) => void this.tokens.push(token),
      link: (uid: Uid, attach: Attach): void => {
        if (uid !== ALICE) throw new Error("a link to somebody else");
        this.links.push(attach);
      },
      forward: (text: string) => void this.ups.push(JSON.parse(text) as UpFrame[]),
      unlink: () => void (this.unlinked += 1),
      relayOf: (_: Uid, relays: number) => ({ node: relays - 1, epoch: this.epoch }),
      refreshRoutes: () => void (this.epoch += 1),
      relay: (node: number, attach: RelayAttach): void => {
        if (this.relays.has(attach.cid)) throw new Error("two relay links of one group");
        this.relays.set(attach.cid, { ...attach, node });
        this.opened.push(`${attach.cid} ${attach.after}`);
      },
      toRelay: (cid: Cid, text: string): void => {
        const frames = JSON.parse(text) as RelayUpFrame[];
        this.relayUps.push(...frames.map((frame) => wordsOf(frame)));
        if (!this.relays.has(cid)) throw new Error("no such relay link");
      },
      unrelay: (cid: Cid) => void this.relays.delete(cid),
      requestId: () => "request-1",
      chance: () => this.chance,
    };
    this.session = new Session("session-1", parseConfig(JSON.stringify(config)), port, this.now);
  }

  /** The client sends one message: text as it is, anything else as JSON. */
  client(message: unknown): void {
    this.session.received(typeof message === "string" ? message : JSON.stringify(message), this.now);
  }

  hello(change: Record<string, unknown> = {}): void {
    this.client({ t: "hello", v: 1, token: "token-1", device: { id: "phone" }, ...change });
  }

  /** The token turns out to be alice's. */
  authenticated(): void {
    this.session.authenticated({ ok: true, value: { uid: ALICE, login: "login-1" } }, this.now);
  }

  /** The link is there, and alice's object has spoken. */
  attached(version = VERSION): void {
    this.session.linked();
    this.control({ do: "attached", version });
  }

  control(control: Control): void {
    this.session.fromLink(encodeControl(control), this.now);
  }

  /** Alice's object tells the client something. */
  down(note: Partial<Note>, ...frames: unknown[]): void {
    const full = { version: 0, done: [], about: "", seen: "", span: "", ...note };
    this.session.fromLink(
      encodeDown(
        full,
        frames.map((frame) => JSON.stringify(frame)),
      ),
      this.now,
    );
  }

  /** A relay says something. */
  relayControl(cid: Cid, control: RelayControl): void {
    this.session.fromRelay(cid, encodeControl(control), this.now);
  }

  /** A relay hands entries. */
  relayed(cid: Cid, note: Partial<Note>, ...frames: unknown[]): void {
    const texts = frames.map((frame) => JSON.stringify(frame));
    const full = { version: 0, done: [], about: "", seen: "", span: "", ...note };
    this.session.fromRelay(cid, encodeDown(full, texts), this.now);
  }

  /** A relay link breaks. */
  relayBroken(cid: Cid): void {
    this.relays.delete(cid);
    this.session.relayLost(cid, this.now);
  }

  /** The link breaks. */
  broken(): void {
    this.session.linkLost(this.now);
  }

  /** Time goes on, and what is due is done at its time. */
  wait(ms: number): void {
    const end = this.now + ms;
    for (let turn = 0; !this.session.closed && this.session.nextTick() <= end; turn += 1) {
      if (turn > 10_000) throw new Error("always something due");
      this.now = Math.max(this.now, this.session.nextTick());
      this.session.tick(this.now);
    }
    this.now = end;
  }

  /** Frames to the client since the last call. */
  take(): ServerFrame[] {
    return this.#frames.splice(0);
  }

  /** The same, each as a few words. */
  words(): string[] {
    return this.take().map((frame) => {
      if (frame.t === "error") return `${frame.code} ${String(frame.ref)}`;
      return frame.t;
    });
  }

  /** Frames over the link since the last call, flat, each by its sort and what it is about. */
  forwarded(): string[] {
    return this.ups.splice(0).flat().map(wordsOf);
  }
}

export function wordsOf(frame: UpFrame): string {
  if (frame.t === "poll")
    return `poll${frame.must ? "!" : ""} ${frame.cids.map((cid, i) => `${cid} ${frame.seqs[i]}`).join(" ")}`;
  if ("id" in frame) return `${frame.t} ${frame.id}`;
  if ("seq" in frame) return `${frame.t} ${frame.cid} ${frame.seq}`;
  if ("req" in frame) return `${frame.t} ${frame.req}`;
  if ("users" in frame) return `${frame.t} ${frame.users.join(" ")}`;
  return frame.t;
}

/** A session whose client has been welcomed. */
export function welcomed(config: unknown = {}, hello: Record<string, unknown> = {}, chance?: number): Edge {
  const edge = new Edge(config, chance);
  edge.hello(hello);
  edge.authenticated();
  edge.attached();
  edge.take();
  edge.links = [];
  return edge;
}

export function send(n: number): Record<string, unknown> {
  return { t: "send", id: `message-${n}`, to: "@bob", body: { text: `text ${n}` } };
}

export function sent(n: number): Record<string, unknown> {
  return { t: "sent", id: `message-${n}`, cid: "d.alice.bob", seq: n, ts: START };
}

export function ack(seq: number, cid = "d.alice.bob"): Record<string, unknown> {
  return { t: "ack", cid, seq };
}
