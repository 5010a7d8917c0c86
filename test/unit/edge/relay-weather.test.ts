/**
 * One client in one large group: the real session, the real relay, and as little as possible of the conversation and the
 * user's object, joined by two queues that break and run at different speeds, while the group changes its mode.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RelayLink } from "../../../src/durable-objects/relay/relay-link.ts";
import type { RelayedEntry } from "../../../src/durable-objects/group-rpc.ts";
import type { ServerFrame } from "../../../src/protocol/frames.ts";
import { encodeControl, encodeDown, type Control, type Note, type UpFrame } from "../../../src/protocol/link.ts";
import { history } from "../../support/arbitraries.ts";
import { entries, CID, Multicaster } from "../relay/fixture.ts";
import { answer, message } from "./large-groups.ts";
import { ALICE, VERSION, welcomed, type Edge } from "./fixture.ts";

class World {
  readonly edge: Edge = welcomed({ limits: { rate: 1e6, burst: 1e6, window: 8 }, timeouts: { reattach_ms: 1e9 } });
  readonly #relay = new Multicaster({ limits: { window: 8 } });
  readonly log: RelayedEntry[] = [];
  /** What is under way to the edge. */
  #fromUser: string[] = [];
  #fromRelay: string[] = [];
  #linked = true;
  #unlinked = 0;
  #listening: { asked: unknown; link: RelayLink } | undefined;
  /** How far the relay was when it last answered. */
  #from = 0;
  mode: "push" | "pull" = "push";
  #version = VERSION;
  /** How far the client knows the group, to the best knowledge of the user's object; the version of the last change of mode. */
  #told = 0;
  #changed = VERSION;
  sends = 0;
  /** What the client has or was told of, and what was wrong. */
  last = 0;
  readonly wrong: string[] = [];
  readonly answers = new Map<string, number>();
  readonly counts = { relayed: 0, others: 0, heads: 0 };

  get head(): number {
    return this.log.length;
  }

  /** Somebody else writes. */
  write(): void {
    this.#append("carol laptop", `message-${this.head + 1}`);
  }

  send(): void {
    this.sends += 1;
    this.edge.client({ t: "send", id: `own-send-${this.sends}`, to: CID, body: { text: "x" } });
  }

  change(): void {
    this.mode = this.mode === "push" ? "pull" : "push";
    this.#version += 1;
    this.#changed = this.#version;
    if (this.mode === "push") this.#multicast(this.head);
    this.#tellMode();
    this.#down({ version: this.#version }, { t: "typing", cid: CID, user: "bob", on: true });
  }

  breakUser(): void {
    if (!this.#linked) return;
    this.#linked = false;
    this.#fromUser = [];
    this.edge.broken();
  }

  breakRelay(): void {
    if (this.#listening === undefined) return;
    this.#relay.relay.closed(this.#listening.link);
    this.#listening = undefined;
    this.#fromRelay = [];
    this.edge.relayBroken(CID);
  }

  sleepRelay(): void {
    if (this.#relay.relay.nextTick() !== undefined) return;
    const [link] = this.#relay.hibernate();
    if (this.#listening !== undefined && link !== undefined) this.#listening.link = link;
  }

  deliver(way: "user" | "relay", count: number): void {
    for (let i = 0; i < count; i += 1) {
      const queue = way === "user" ? this.#fromUser : this.#fromRelay;
      const text = queue.shift();
      if (text === undefined) return;
      if (way === "user") this.edge.session.fromLink(text, this.edge.now);
      else this.edge.session.fromRelay(CID, text, this.edge.now);
      this.step();
    }
  }

  wait(ms: number): void {
    this.edge.wait(ms);
    this.edge.client({ t: "ping" });
    this.#relay.wait(ms);
    this.#relay.relay.reported(true, this.#relay.now);
    this.step();
  }

  /** After everything: what the edge asked for, and what the client saw. */
  step(): void {
    for (const frame of this.edge.take()) this.#seen(frame);
    if (this.edge.unlinked > this.#unlinked) {
      this.#unlinked = this.edge.unlinked;
      this.#linked = false;
      this.#fromUser = [];
    }
    for (const { since = 0 } of this.edge.links.splice(0)) this.#attached(since);
    this.#relayUp();
    for (const frame of this.edge.ups.splice(0).flat()) if (this.#linked) this.#up(frame);
    const asked = this.edge.relays.get(CID);
    if (asked === this.#listening?.asked) return this.#collect();
    if (this.#listening !== undefined) this.#relay.relay.closed(this.#listening.link);
    this.#listening = undefined;
    this.#fromRelay = [];
    this.#collect();
    if (asked === undefined) return;
    const link = this.#relay.attach(ALICE, asked);
    this.#listening = { asked, link };
    this.#relay.admit(link, this.head, {
      entries: this.head - asked.after > 12 ? undefined : this.log.slice(asked.after),
      push: this.mode === "push",
      relays: asked.relays,
    });
    this.#from = Math.max(this.#from, this.head);
    this.#collect();
  }

  #append(by: string, id: string): RelayedEntry {
    const seq = this.head + 1;
    const entry = { ...(entries(seq, seq, { [seq]: by })[0] as RelayedEntry), id };
    this.log.push(entry);
    if (this.mode === "pull") this.#multicast();
    else if (by !== "alice phone") this.#push(seq, message(seq, CID));
    return entry;
  }

  /** As a conversation does: again from where the relay is, until it has everything. */
  #multicast(end?: number): void {
    for (let calls = 0; calls < 3; calls += 1) {
      const list = this.log.slice(this.#from);
      const call = { cid: CID, from: this.#from, entries: list, skip: false, gone: [], head: this.head, end };
      const { have, links } = this.#relay.relay.multicast(call, this.#relay.now);
      this.#collect();
      this.#from = links === 0 ? this.head : have;
      if (this.#from >= this.head) return;
    }
    this.wrong.push("the relay does not take what it is offered");
  }

  #push(seq: number, frame: unknown, done: string[] = []): void {
    this.#version += 1;
    this.#told = seq;
    this.#down({ span: `${CID} ${seq} ${seq}`, version: this.#version, done }, frame);
  }

  #up(frame: UpFrame): void {
    if (frame.t === "poll") return frame.must || this.head > (frame.seqs[0] ?? 0) ? this.#tellHead(0) : undefined;
    if (frame.t !== "send") return;
    const known = this.log.find(({ id }) => id === frame.id);
    const entry = known ?? this.#append("alice phone", frame.id);
    const sent = { ...answer(entry.seq, CID), id: entry.id };
    if (this.mode === "push" && known === undefined) this.#push(entry.seq, sent, [entry.id]);
    else this.#down({ span: `${CID} ${entry.seq} ${entry.seq}`, done: [entry.id] }, sent);
  }

  #tellHead(version: number): void {
    this.#told = this.head;
    const state = { read: 0, unread: 0, version, muted: false, pinned: false, mode: this.mode };
    const heads = [{ cid: CID, type: "group", head: this.head, ...state }];
    this.#down({ span: `${CID} 0 ${this.head}`, version }, { t: "heads", version, heads });
  }

  #tellMode(): void {
    if (!this.#linked) return;
    if (this.mode === "push") {
      this.#told = this.head;
      this.#control({ do: "push", cid: CID, seq: this.head });
    } else this.#control({ do: "pull", groups: [{ cid: CID, seq: this.#told, relays: 3 }], whole: false });
  }

  /** A new link to the user's object: heads that changed, and the large groups. */
  #attached(since: number): void {
    this.#linked = true;
    this.#fromUser = [];
    this.#control({ do: "attached", version: this.#version });
    const changed = this.mode === "push" ? this.#version > since : this.#changed > since;
    if (changed) this.#tellHead(this.#version);
    const groups = this.mode === "pull" ? [{ cid: CID, seq: this.#told, relays: 3 }] : [];
    this.#control({ do: "pull", groups, whole: true });
  }

  #control(control: Control): void {
    this.#fromUser.push(encodeControl(control));
  }

  #down(note: Partial<Note>, frame: unknown): void {
    const full = { version: 0, done: [], about: "", seen: "", span: "", ...note };
    if (this.#linked) this.#fromUser.push(encodeDown(full, [JSON.stringify(frame)]));
  }

  /** What the relay said goes on its way. */
  #collect(): void {
    for (const { link, text } of this.#relay.texts.splice(0)) {
      if (link === this.#listening?.link) this.#fromRelay.push(text);
    }
  }

  #seen(frame: ServerFrame): void {
    if (frame.t === "heads") {
      this.counts.heads += 1;
      this.last = Math.max(this.last, frame.heads[0]?.head ?? 0);
    }
    if (frame.t !== "message" && frame.t !== "sent") return;
    const { seq = 0, id } = frame;
    if (frame.t === "sent") this.answers.set(id, (this.answers.get(id) ?? 0) + 1);
    else if (seq <= this.last) this.wrong.push(`message ${seq} after ${this.last}`);
    if (seq > this.last + 1) this.wrong.push(`${seq} after ${this.last}: a silent hole`);
    this.last = Math.max(this.last, seq);
    this.counts["version" in frame && frame.version === 0 ? "relayed" : "others"] += 1;
  }

  /** Everything mends and arrives, and nothing new happens. */
  settle(): void {
    for (let turn = 0; turn < 200; turn += 1) {
      this.wait(turn < 100 ? 40 : 1000);
      this.deliver("relay", 1000);
      this.deliver("user", 1000);
    }
  }

  ack(): void {
    if (this.last > 0) this.edge.client({ t: "ack", cid: CID, seq: this.last });
  }

  #relayUp(): void {
    for (const word of this.edge.relayUps.splice(0)) {
      const [t, , seq] = word.split(" ") as ["ack" | "read", string, string];
      if (this.#listening !== undefined) this.#relay.up(this.#listening.link, [t, Number(seq)]);
    }
  }
}

describe("any weather", () => {
  type Act = "write" | "send" | "change" | "breakUser" | "breakRelay" | "sleepRelay";
  type Step = { do: Act } | { do: "user" | "relay"; count: number } | { do: "wait"; ms: number } | { do: "ack" };
  const few = fc.integer({ min: 1, max: 4 });
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<Step>({ do: "write" }, { do: "write" }, { do: "send" }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("relay" as const), count: few }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("user" as const), count: few }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat({ max: 3000 }) }) },
    fc.constantFrom<Step>({ do: "change" }, { do: "ack" }),
    fc.constantFrom<Step>({ do: "breakUser" }, { do: "breakRelay" }, { do: "sleepRelay" }),
  );

  test("[ORD2] [RES1] ascending, every hole told, nothing lost, each send answered once", () => {
    const counts = { relayed: 0, others: 0, heads: 0 };
    fc.assert(
      fc.property(history(step, 80), fc.boolean(), (steps, large) => {
        const world = new World();
        if (large) {
          world.change();
          world.deliver("user", 10);
        }
        for (const one of steps) {
          if (one.do === "user" || one.do === "relay") world.deliver(one.do, one.count);
          else if (one.do === "wait") world.wait(one.ms);
          else world[one.do]();
          world.step();
          expect(world.wrong).toEqual([]);
        }
        world.settle();
        expect(world.wrong).toEqual([]);
        expect(world.last).toBe(world.head);
        expect(world.answers.size).toBe(world.sends);
        for (const times of world.answers.values()) expect(times).toBe(1);
        for (const key of ["relayed", "others", "heads"] as const) counts[key] += world.counts[key];
      }),
      { numRuns: 400 },
    );
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(100);
  });
});
