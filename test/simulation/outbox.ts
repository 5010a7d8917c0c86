/** What a device wants to have sent: each post goes out with its id until it is answered for good. */
import type { Kind, Op } from "../../src/protocol/frames.ts";
import { kindOf, type Cid, type Uid } from "../../src/protocol/ids.ts";
import type { Sim } from "./sim.ts";

export interface PostFrame {
  readonly t: "send" | "amend";
  readonly id: string;
  readonly to?: string;
  readonly cid?: Cid;
  readonly kind?: Kind;
  readonly body?: unknown;
  readonly target?: number;
  readonly op?: Op;
  readonly qos?: 1 | 2;
  readonly reply_to?: number;
}

export interface Post {
  readonly frame: PostFrame;
  readonly cid: Cid;
  /** The id of something sent, with other content: it has to be refused (DUP2). */
  readonly conflicting: boolean;
  state: "open" | "sent" | "refused";
  seq: number | undefined;
  code: string | undefined;
  /** When it was written to the connection in use. */
  writtenAt: number | undefined;
  notBefore: number;
}

export class Outbox {
  readonly #sim: Sim;
  readonly #uid: Uid;
  readonly #posts = new Map<string, Post>();
  readonly #conflicts = new Map<string, Post>();
  readonly #released = new Set<string>();

  constructor(sim: Sim, uid: Uid) {
    this.#sim = sim;
    this.#uid = uid;
  }

  get posts(): readonly Post[] {
    return [...this.#posts.values(), ...this.#conflicts.values()];
  }

  get open(): readonly Post[] {
    return this.posts.filter((post) => post.state === "open");
  }

  add(post: Post): void {
    (post.conflicting ? this.#conflicts : this.#posts).set(post.frame.id, post);
  }

  /** A post was sent and can be found in the log. */
  post(id: string): Post | undefined {
    return this.#posts.get(id);
  }

  /** Open posts that have to be written now: those never written to this connection, or written long ago. */
  due(now: number, patience: number): Post[] {
    return this.open.filter(
      ({ writtenAt, notBefore }) => now >= notBefore && (writtenAt === undefined || now >= writtenAt + patience),
    );
  }

  /** Ids that were held by QoS 2 and need not be any more. */
  release(): string[] {
    const ids = this.posts
      .filter(({ frame, state, conflicting }) => frame.qos === 2 && state === "sent" && !conflicting)
      .map(({ frame }) => frame.id);
    const fresh = ids.filter((id) => !this.#released.has(id)).slice(0, 100);
    for (const id of fresh) this.#released.add(id);
    return fresh;
  }

  disconnected(): void {
    for (const post of this.open) post.writtenAt = undefined;
  }

  /** The server has it. Returns the post when that was news. */
  sent(id: string, seq: number): Post | undefined {
    const post = this.#posts.get(id);
    // A repetition was refused to who had left, while the first was on its way: it stands, whatever was said of the other.
    const late = post?.state === "refused" && post.code === "not_member";
    if (post === undefined || (post.state === "refused" && !late))
      this.#sim.checks.fail("DUR1", `sent ${id}, which was not open`);
    if (post.state === "sent") {
      if (post.seq !== seq) this.#sim.checks.fail("DUP1", `${id} was sent at ${post.seq}, and again at ${seq}`);
      return undefined;
    }
    post.state = "sent";
    post.seq = seq;
    return post;
  }

  /** An error about an id. False: it is none of an open post. `again`: when to try again, undefined = never. */
  refused(id: string, code: string, again: number | undefined): boolean {
    const first = this.#posts.get(id);
    const post = first?.state === "open" ? first : this.#conflicts.get(id);
    if (post?.state !== "open") return first !== undefined;
    if (again !== undefined) {
      post.notBefore = again;
      post.writtenAt = undefined;
      return true;
    }
    if (!this.#expected(post, code)) {
      this.#sim.checks.fail("DUP2", `${id} (${post.frame.op ?? post.frame.t}) is refused with ${code}`);
    }
    if (post.conflicting) this.#sim.stats.count("id conflicts");
    post.state = "refused";
    post.code = code;
    return true;
  }

  #expected({ conflicting, frame, cid }: Post, code: string): boolean {
    const { ledger, config } = this.#sim;
    // DUP1: an id older than the window may be unknown, unless it is held by QoS 2.
    const held = frame.qos === 2 && !this.#released.has(frame.id) && ledger.has(cid, this.#uid, frame.id);
    if (code === "id_expired") return config.messages.dedup_ms < 1e6 && !held;
    if (kindOf(cid) === "group" && this.#expectedInGroup(code, cid)) return true;
    if (conflicting) return code === "id_conflict";
    // Recalled meanwhile by another device.
    return frame.t === "amend" && code === "not_found";
  }

  /** Who is no member, or is muted, or would answer to an entry that is not the own to see. */
  #expectedInGroup(code: string, cid: Cid): boolean {
    if (code === "muted" || code === "permission_denied") return true;
    if (code !== "not_member" || !this.#sim.roll(cid).wasOutside(this.#uid)) return false;
    this.#sim.stats.count("refused to strangers");
    return true;
  }
}
