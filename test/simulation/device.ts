/**
 * A device of the model client: written from the protocol alone. It keeps an outbox that is sent again until it is answered,
 * applies entries in order, pulls what it knows to be missing, acknowledges cumulatively, and comes back with `since`.
 */
import { CODES, type Code } from "../../src/protocol/codes.ts";
import type { MessageView, ServerFrame, ServerFrameOf } from "../../src/protocol/frames.ts";
import { directPair, kindOf, peerOf, type Cid, type Uid } from "../../src/protocol/ids.ts";
import { Chat } from "./chat.ts";
import type { Edge } from "./edge.ts";
import { Line } from "./line.ts";
import { Outbox, type Post } from "./outbox.ts";
import { Pace } from "./pace.ts";
import type { Sim } from "./sim.ts";
import { ToldBefore } from "./told.ts";

/** How often a device looks after its own affairs, and how long it waits for things, ms. */
const CHORES_MS = 700;
const PATIENCE_MS = 9000;

export class Device {
  readonly uid: Uid;
  readonly id: string;
  readonly outbox: Outbox;
  readonly #sim: Sim;
  readonly #edges: readonly Edge[];
  readonly #chats = new Map<Cid, Chat>();
  readonly #told: ToldBefore;
  #version = 0;
  readonly #line: Line;
  readonly #pace = new Pace();
  #welcomed = false;
  /** Heads that were asked for and have not all come. */
  #syncing = false;
  #backAt = 0;
  /** It acknowledges nothing meanwhile; it stays away meanwhile. */
  deaf = false;
  away = false;
  /** What the user has read in the connection in use. */
  readonly #reads = new Map<Cid, number>();

  constructor(sim: Sim, uid: Uid, id: string, edges: readonly Edge[]) {
    this.uid = uid;
    this.id = id;
    this.#sim = sim;
    this.#edges = edges;
    this.outbox = new Outbox(sim, uid);
    this.#told = new ToldBefore(id);
    this.#line = new Line(sim, id, {
      hears: (frames) => this.#hear(frames),
      closed: (code) => this.#closed(code),
      over: () => this.#over(),
    });
    const chores = (): void => {
      this.#chores();
      sim.clock.after(CHORES_MS, chores);
    };
    sim.clock.after(sim.chance.between(0, CHORES_MS), chores);
  }

  get chats(): ReadonlyMap<Cid, Chat> {
    return this.#chats;
  }

  get online(): boolean {
    return this.#welcomed;
  }

  /** Reads that this connection has sent: the connection stands, so they must not be lost. */
  get readsOfConnection(): ReadonlyMap<Cid, number> {
    return this.#reads;
  }

  /** Nothing is under way and nothing is known to be missing. */
  get content(): boolean {
    const chats = [...this.#chats.values()];
    const whole = chats.every(
      (chat) => !chat.hole && chat.pulling === undefined && (chat.left || chat.acked === chat.applied),
    );
    return this.#welcomed && !this.#syncing && this.outbox.open.length === 0 && whole;
  }

  chat(cid: Cid): Chat {
    let chat = this.#chats.get(cid);
    if (chat === undefined) {
      chat = new Chat();
      this.#chats.set(cid, chat);
    }
    return chat;
  }

  // --- what the user does ----------------------------------------------------------------------------------------

  /** Puts something into the outbox and sends it if it can. */
  post(posts: readonly Post[]): void {
    for (const post of posts) this.outbox.add(post);
    this.#sendOut(posts);
  }

  read(cid: Cid): void {
    const { applied, left } = this.chat(cid);
    if (!this.#welcomed || applied === 0 || left) return;
    this.#sim.stats.count("reads");
    this.#line.say([{ t: "read", cid, seq: applied }]);
    this.#reads.set(cid, applied);
    this.chat(cid).read = Math.max(this.chat(cid).read, applied);
  }

  /** Says that it has forgotten ids that the server holds for it. */
  release(): void {
    const ids = this.#welcomed ? this.outbox.release() : [];
    if (ids.length > 0) this.#line.say([{ t: "release", ids }]);
  }

  sync(): void {
    if (!this.#welcomed) return;
    this.#syncing = true;
    this.#line.say([{ t: "sync", req: this.#sim.name("q"), since: this.#version }]);
  }

  /** Looks at a page of what is shown already. */
  look(cid: Cid): void {
    const { chance, name } = { chance: this.#sim.chance, name: this.#sim.name("q") };
    const { applied } = this.chat(cid);
    if (!this.#welcomed || applied === 0) return;
    const at = chance.between(1, applied);
    const place = chance.hit(0.5) ? { before: at } : { after: at - 1 };
    this.#line.say([{ t: "pull", req: name, cid, ...place, limit: chance.pick([3, 50, 200]) }]);
  }

  /** The socket breaks. */
  breakOff(): void {
    this.#line.breakOff();
  }

  /** Goes away without a word, and stays away until `away` ends. */
  leave(): void {
    this.away = true;
    this.#line.breakOff();
    this.#line.abandon();
  }

  /** The storm is over: acknowledges again, comes back, and says once more how far the user has read. */
  settle(): void {
    this.deaf = false;
    this.away = false;
    if (!this.#welcomed) return;
    for (const chat of this.#chats.values()) chat.acked = 0;
    this.#sayAgainRead();
    this.#acknowledge();
  }

  /** Asks for all heads anew; those of groups count from now on. */
  lookAgain(): void {
    if (!this.#welcomed) return;
    for (const chat of this.#chats.values()) chat.head = undefined;
    this.#syncing = true;
    this.#line.say([{ t: "sync", req: this.#sim.name("q"), since: 0 }]);
  }

  /** Says something that is kept nowhere. */
  mention(cid: Cid): void {
    const id = this.#sim.name("ephemeral-");
    if (this.#welcomed) this.#line.say([{ t: "send", id, to: cid, qos: 0, kind: "text", body: { text: "now" } }]);
    if (this.#welcomed) this.#line.say([{ t: "typing", cid, on: true }]);
  }

  // --- connection ------------------------------------------------------------------------------------------------

  #chores(): void {
    const { now } = this.#sim.clock;
    if (!this.#line.open) {
      if (!this.away && now >= this.#backAt) this.#connect();
      return;
    }
    this.#line.watch();
    if (!this.#welcomed) return;
    this.#line.beat();
    this.#sendOut(this.outbox.due(now, PATIENCE_MS));
    this.#acknowledge();
    this.#fetch();
  }

  #connect(): void {
    this.#line.connect(this.#edges);
    const since = this.#version === 0 && this.#sim.chance.hit(0.3) ? undefined : this.#version;
    this.#told.asked = since !== undefined;
    this.#syncing = since !== undefined;
    this.#line.say([{ t: "hello", v: 1, token: this.uid, device: { id: this.id }, since }]);
  }

  #over(): void {
    this.#welcomed = false;
    this.#reads.clear();
    for (const chat of this.#chats.values()) chat.pulling = undefined;
    this.outbox.disconnected();
  }

  #closed(code: number): void {
    if (code === CODES.replaced.close) this.#sim.checks.fail("RES1", `${this.id} was replaced while it was the newest`);
    this.#backAt = Math.max(this.#backAt, this.#sim.clock.now + this.#sim.chance.between(0, 500));
  }

  // --- what the server says --------------------------------------------------------------------------------------

  #hear(frames: readonly ServerFrame[]): void {
    for (const frame of frames) {
      this.#told.hears(frame);
      this.#frame(frame);
      if (!this.#line.open) return;
    }
    this.#fetch();
    if (!this.deaf && this.#sim.chance.hit(0.6)) this.#acknowledge();
  }

  #frame(frame: ServerFrame): void {
    switch (frame.t) {
      case "welcome":
        return this.#welcome(frame);
      case "heads":
        for (const head of frame.heads) this.#head(head);
        return this.#knows(frame.version);
      case "synced":
        this.#syncing = false;
        return this.#knows(frame.version);
      case "message":
        if (frame.seq === undefined) return;
        this.#entry(frame.cid, frame);
        return this.#knows(frame.version ?? 0);
      case "sent":
        return this.#sent(frame);
      case "page":
        return this.#page(frame);
      case "released":
        return this.#sim.stats.count("released", frame.ids.length);
      case "receipt":
        return this.#receipt(frame);
      case "error":
        return this.#error(frame);
      case "goaway":
        this.#backAt = this.#sim.clock.now + frame.retry_after;
        return;
      default:
    }
  }

  #welcome({ limits }: ServerFrameOf<"welcome">): void {
    const { chance, clock } = this.#sim;
    this.#welcomed = true;
    this.#pace.begin(limits, clock.now);
    if (!this.#told.asked) this.sync();
    this.#sendOut(this.outbox.open);
    if (!this.#sim.calm && chance.hit(0.5)) return;
    for (const chat of this.#chats.values()) chat.acked = 0;
    this.#sayAgainRead();
    this.#acknowledge();
  }

  /** A connection without `since` was told nothing until what it asked for has come. */
  #knows(version: number): void {
    if (!this.#told.asked) return;
    this.#version = Math.max(this.#version, version);
  }

  #head(head: ServerFrameOf<"heads">["heads"][number]): void {
    const chat = this.chat(head.cid);
    if (head.type === "group") chat.tell(head);
    chat.known = Math.max(chat.known, head.head);
    chat.read = Math.max(chat.read, head.read);
    chat.peerDelivered = Math.max(chat.peerDelivered, head.peer?.delivered ?? 0);
    chat.peerRead = Math.max(chat.peerRead, head.peer?.read ?? 0);
  }

  #entry(cid: Cid, view: MessageView): void {
    const chat = this.chat(cid);
    if (!chat.take(view)) this.#sim.stats.count("copies dropped");
    // Who sends has read everything up to the own message.
    if (view.from === this.uid && view.kind !== "amend" && view.kind !== "system")
      chat.read = Math.max(chat.read, view.seq ?? 0);
  }

  #sent({ cid, id, seq, duplicate }: ServerFrameOf<"sent">): void {
    this.#sim.stats.count(duplicate === true ? "sent again" : "sent");
    const post = this.outbox.sent(id, seq);
    if (post === undefined) return;
    const { kind = "amend", body, target, op } = post.frame;
    this.#entry(cid, { cid, seq, id, from: this.uid, ts: 0, kind, body, priority: 1, target, op } as MessageView);
  }

  #page({ req, cid, messages, head }: ServerFrameOf<"page">): void {
    const chat = this.chat(cid);
    if (chat.pulling?.req === req) {
      // What a page leaves out at its beginning is not there to be pulled.
      const begins = messages[0]?.seq ?? head + 1;
      if (kindOf(cid) === "group" && begins > chat.pulling.after + 1) chat.skip(begins - 1);
      chat.pulling = undefined;
    }
    for (const message of messages) this.#entry(cid, message);
    if (messages.length === 0) chat.pullAt = this.#sim.clock.now + 1000;
  }

  #receipt({ cid, user, delivered = 0, read = 0 }: ServerFrameOf<"receipt">): void {
    const chat = this.chat(cid);
    this.#sim.stats.count("receipts");
    if (user === this.uid) {
      chat.read = Math.max(chat.read, read);
      return;
    }
    chat.peerDelivered = Math.max(chat.peerDelivered, delivered, read);
    chat.peerRead = Math.max(chat.peerRead, read);
  }

  #error({ code, message, ref, retry_after = 500 }: ServerFrameOf<"error">): void {
    const { reaction } = CODES[code as Code];
    const again = reaction === "later" || reaction === "backoff" || reaction === "unknown";
    const at = this.#sim.clock.now + retry_after;
    if (typeof ref === "string" && this.outbox.refused(ref, code, again ? at : undefined)) return;
    for (const chat of this.#chats.values()) {
      if (chat.pulling === undefined || chat.pulling.req !== ref) continue;
      chat.pulling = undefined;
      chat.pullAt = at;
      if (again) return;
    }
    // Watermarks are cumulative: they are told again.
    const chat = this.#chats.get(ref as Cid);
    if (again && chat !== undefined) chat.acked = 0;
    if (code === "not_member" && this.#sim.groups.some((cid) => this.#sim.roll(cid).wasOutside(this.uid))) return;
    if (!again) this.#sim.checks.fail("RES1", `${this.id} is refused what is right: ${code} ${message} (${ref})`);
  }

  // --- what follows ----------------------------------------------------------------------------------------------

  #sendOut(all: readonly Post[]): void {
    if (!this.#welcomed || all.length === 0) return;
    // What may not go now goes with the next chores.
    const posts = all.slice(0, this.#pace.take(all.length, this.#sim.clock.now));
    for (const post of posts) post.writtenAt = this.#sim.clock.now;
    for (let i = 0; i < posts.length; i += 100) this.#line.say(posts.slice(i, i + 100).map(({ frame }) => frame));
  }

  /** Pulls what is known to be missing, one page of one conversation at a time. */
  #fetch(): void {
    const { clock, chance, stats } = this.#sim;
    if (!this.#welcomed) return;
    for (const [cid, chat] of this.#chats) {
      if (chat.pulling !== undefined && clock.now < chat.pulling.at + PATIENCE_MS) continue;
      if (!chat.hole || clock.now < chat.pullAt) continue;
      const req = this.#sim.name("q");
      chat.pulling = { req, at: clock.now, after: chat.applied };
      stats.count("pulls");
      this.#line.say([{ t: "pull", req, cid, after: chat.applied, limit: chance.pick([3, 50, 200]) }]);
    }
  }

  #acknowledge(): void {
    if (this.deaf || !this.#welcomed) return;
    for (const [cid, chat] of this.#chats) {
      if (chat.acked >= chat.applied || chat.left) continue;
      chat.acked = chat.applied;
      this.#line.say([{ t: "ack", cid, seq: chat.applied }]);
    }
  }

  #sayAgainRead(): void {
    for (const [cid, { read, applied, left }] of this.#chats) {
      if (read > 0 && read <= applied && !left) this.#line.say([{ t: "read", cid, seq: read }]);
    }
  }

  /** The other user of a chat. */
  peer(cid: Cid): Uid {
    return peerOf(cid, this.uid) ?? directPair(cid)[0];
  }
}
