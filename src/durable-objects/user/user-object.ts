/** The shell of a user's object: sockets of the links, storage, timers, calls to other objects. Decisions are in user.ts. */
import { DurableObject } from "cloudflare:workers";
import type { Refusal } from "../../protocol/codes.ts";
import type { HeadView } from "../../protocol/frames.ts";
import type { Cid, DeviceId, Uid } from "../../protocol/ids.ts";
import { encodeControl, type Attach, type UpFrame } from "../../protocol/link.ts";
import { ok, type Result } from "../../lib/result.ts";
import { describe, log } from "../../observability/log.ts";
import { services, type Env } from "../../workers/env.ts";
import { counted, freshCost } from "../cost.ts";
import type {
  ConversationRpc,
  DeviceState,
  PushCall,
  PushReply,
  Recency,
  Searchable,
  Signal,
  UserRpc,
} from "../rpc.ts";
import { newestHeads, peerCounts, searchable, type Counts } from "./answers.ts";
import { Deletion, takenByNobody } from "./deletion.ts";
import { DeletionCarrier } from "./deletion-carrier.ts";
import { Attachment, Link } from "./links.ts";
import { User } from "./user.ts";
import { UserStore } from "./user-store.ts";
import type { Answer, UserPort } from "./user-port.ts";

/** A call that has not answered by then counts as failed; calls are repeatable, so a late effect does no harm. */
const CALL_DEADLINE_MS = 10_000;
/** How long a push that asked for it waits for this object's disk before it answers what is there, ms. */
const SETTLE_LIMIT_MS = 1000;

export class UserObject extends DurableObject<Env> implements UserRpc {
  /** What this object has cost since it woke. */
  readonly cost = freshCost();
  #core!: User;
  #deletion!: Deletion;
  #leaving!: DeletionCarrier;
  readonly #io: UserPort = this.#port();
  #timer: { at: number; handle: ReturnType<typeof setTimeout> } | undefined;
  #alarmAt: number | undefined;
  readonly #sockets = new Map<Link, WebSocket>();
  readonly #linkOf = new Map<WebSocket, Link>();
  readonly #settling = new Set<() => void>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmAt = (await ctx.storage.getAlarm()) ?? undefined;
      const store = new UserStore(counted(ctx.storage.sql, this.cost), (work) =>
        ctx.storage.transactionSync(work as () => never),
      );
      const links = ctx.getWebSockets().flatMap((socket) => this.#restore(socket));
      const uid = ctx.id.name as Uid;
      const { config } = services(env);
      this.#deletion = new Deletion(uid, store, config);
      this.#core = new User(uid, store, config, this.#io, links);
      this.#leaving = new DeletionCarrier(uid, env, this.#deletion, {
        gone: () => this.#core.presence.gone(),
        wiped: () => {
          this.#core = new User(uid, store, config, this.#io, []);
        },
        again: () => this.#io.alarm(Date.now()),
      });
    });
  }

  /** Opens a link: `GET ?attach=<JSON of Attach>` with an upgrade. */
  override fetch(request: Request): Response {
    this.cost.requests += 1;
    const attach = JSON.parse(new URL(request.url).searchParams.get("attach") ?? "") as Attach;
    const { 0: client, 1: server } = new WebSocketPair();
    const link = new Link({ ...attach, lagging: false }, attach.seen);
    this.ctx.acceptWebSocket(server);
    this.#bind(link, server);
    // Whatever token it was opened with: the account is no more.
    if (this.#deletion.begun) this.#io.shut(link, "unauthenticated");
    else this.#core.attach(link, attach, Date.now());
    this.#after();
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.cost.linkMessages += 1;
    const link = this.#linkOf.get(socket);
    if (link === undefined || typeof message !== "string") return;
    this.#core.frames(link, JSON.parse(message) as UpFrame[], Date.now());
    this.#after();
  }

  override webSocketClose(socket: WebSocket): void {
    const link = this.#linkOf.get(socket);
    if (link === undefined) return;
    this.#unbind(link);
    this.#core.registry.closed(link, Date.now());
    this.#after();
  }

  override webSocketError(socket: WebSocket): void {
    this.webSocketClose(socket);
  }

  override alarm(): void {
    this.cost.requests += 1;
    this.#alarmAt = undefined;
    if (this.#deletion.begun) this.#leave();
    else this.#core.alarm(Date.now());
    this.#after();
  }

  async push(call: PushCall): Promise<PushReply> {
    this.cost.requests += 1;
    if (this.#deletion.done) return takenByNobody(call);
    const reply = this.#core.push(call, Date.now());
    this.#after();
    if (!call.settle) return reply;
    if (reply.taken < reply.have) await this.#flushed(SETTLE_LIMIT_MS);
    const marks = this.#core.ride(call.cid, Date.now());
    return { ...this.#core.taken(call), have: reply.have, marks };
  }

  async receipt(cid: Cid, from: Uid, delivered: number, read: number): Promise<boolean> {
    this.cost.requests += 1;
    if (this.#deletion.done) return true;
    const known = this.#core.receipt(cid, from, delivered, read, Date.now());
    this.#after();
    // The reader forgets what it has told: it hears "told" only when a crash here cannot lose it any more.
    if (known) await this.#flushed(CALL_DEADLINE_MS);
    return known;
  }

  async signal(signal: Signal): Promise<boolean> {
    this.cost.requests += 1;
    const interested = this.#core.signal(signal, Date.now());
    this.#after();
    return interested;
  }

  async watch(by: Uid, on: boolean): Promise<{ online: boolean; lastSeen: number }> {
    this.cost.requests += 1;
    if (this.#deletion.begun) return { online: false, lastSeen: 0 };
    return this.#core.presence.watched(by, on, Date.now());
  }

  async conversations(cursor: string | undefined, limit: number): Promise<{ heads: HeadView[]; next?: string }> {
    this.cost.requests += 1;
    const { rows, next } = newestHeads(this.#core.heads, cursor, limit);
    await new Promise<void>((resolve) => this.#core.refresh(rows, resolve, Date.now()));
    const heads = rows.map((row) => this.#core.heads.view(this.#core.heads.get(row.cid) ?? row));
    return next === undefined ? { heads } : { heads, next };
  }

  async searchable(recency: Recency, limit: number): Promise<Searchable> {
    this.cost.requests += 1;
    return searchable(this.#core.heads, recency, limit);
  }

  async groups(cursor: string | undefined, limit: number): Promise<{ cids: Cid[]; next?: string }> {
    this.cost.requests += 1;
    const { rows, next } = newestHeads(this.#core.heads, cursor, limit, "group");
    const cids = rows.map((row) => row.cid);
    return next === undefined ? { cids } : { cids, next };
  }

  async peerMarks(cid: Cid, seq: number): Promise<Result<Counts, Refusal>> {
    this.cost.requests += 1;
    return peerCounts(this.#core.heads, this.#core.uid, cid, seq);
  }

  async setConversation(
    cid: Cid,
    change: { muted?: boolean | undefined; pinned?: boolean | undefined },
  ): Promise<Result<HeadView, Refusal>> {
    this.cost.requests += 1;
    const changed = this.#core.setConversation(cid, change, Date.now());
    this.#after();
    return changed.ok ? ok(this.#core.heads.view(changed.value)) : changed;
  }

  async blocks(): Promise<Uid[]> {
    this.cost.requests += 1;
    return this.#core.blocks();
  }

  async setBlock(other: Uid, on: boolean): Promise<void> {
    this.cost.requests += 1;
    if (this.#deletion.begun) return;
    await new Promise<void>((done) => this.#core.setBlock(other, on, Date.now(), done));
    this.#after();
  }

  async endSessions(login: string | undefined): Promise<void> {
    this.cost.requests += 1;
    if (this.#deletion.begun) return;
    this.#core.registry.endSessions(login, Date.now());
    this.#after();
  }

  async devices(): Promise<DeviceState[]> {
    this.cost.requests += 1;
    return this.#core.registry.list(Date.now());
  }

  async endDevices(logins: readonly string[], devices: readonly DeviceId[]): Promise<void> {
    this.cost.requests += 1;
    if (this.#deletion.begun) return;
    this.#core.registry.endDevices(logins, devices, Date.now());
    this.#after();
  }

  async remove(begin: boolean): Promise<boolean> {
    this.cost.requests += 1;
    if (begin && !this.#deletion.begun) {
      this.#deletion.begin(Date.now());
      this.#core.registry.endSessions(undefined, Date.now());
      this.#leave();
      this.#after();
    }
    return this.#deletion.begun;
  }

  /** Goes on with the end of the account; in the same turn, an alarm stands behind it. */
  #leave(): void {
    const at = this.#deletion.wakeAt(Date.now(), services(this.env).config.writes.offer_ms);
    if (at === undefined) return;
    this.#io.alarm(at);
    this.#leaving.pump();
  }

  // --- sockets ---------------------------------------------------------------------------------------------------

  /** A link whose socket slept with the object. */
  #restore(socket: WebSocket): Link[] {
    const parsed = Attachment.safeParse(socket.deserializeAttachment());
    if (!parsed.success) return [];
    const link = new Link(parsed.data);
    this.#bind(link, socket);
    return [link];
  }

  #bind(link: Link, socket: WebSocket): void {
    this.#sockets.set(link, socket);
    this.#linkOf.set(socket, link);
  }

  #unbind(link: Link): WebSocket | undefined {
    const socket = this.#sockets.get(link);
    this.#sockets.delete(link);
    if (socket !== undefined) this.#linkOf.delete(socket);
    return socket;
  }

  // --- time ------------------------------------------------------------------------------------------------------

  /** After every event: does what is due, and sets the one timer for what comes next. */
  #after(): void {
    let now = Date.now();
    let next = this.#core.nextTick();
    if (next !== undefined && next <= now) {
      this.#core.tick(now);
      now = Date.now();
      next = this.#core.nextTick();
    }
    for (const check of this.#settling) check();
    if (next === undefined || (this.#timer !== undefined && this.#timer.at <= next)) return;
    if (this.#timer !== undefined) clearTimeout(this.#timer.handle);
    const wake = (): void => {
      this.#timer = undefined;
      this.#after();
    };
    this.#timer = { at: next, handle: setTimeout(wake, Math.max(1, next - now)) };
  }

  /** Resolves when nothing is unwritten, or after a limit. */
  #flushed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(limit);
        this.#settling.delete(check);
        resolve();
      };
      const check = (): void => {
        if (!this.#core.heads.dirty) finish();
      };
      const limit = setTimeout(finish, ms);
      this.#settling.add(check);
      check();
    });
  }

  // --- calls -----------------------------------------------------------------------------------------------------

  #port(): UserPort {
    const conversation = (cid: Cid): ConversationRpc => services(this.env).conversation(cid);
    const user = (uid: Uid): DurableObjectStub<UserObject> => this.env.USERS.get(this.env.USERS.idFromName(uid));
    return {
      send: (link, text) => {
        try {
          this.#sockets.get(link)?.send(text);
        } catch {
          // The socket closed under us; its close event ends the link.
        }
      },
      shut: (link, code) => {
        const socket = this.#unbind(link);
        try {
          socket?.send(encodeControl({ do: "close", code }));
          socket?.close(1000, code);
        } catch {
          // It is closed already.
        }
      },
      drop: (link) => {
        try {
          this.#unbind(link)?.close(1000, "again");
        } catch {
          // It is closed already.
        }
      },
      keep: (link) => this.#sockets.get(link)?.serializeAttachment(link.attachment),
      append: (cid, have, taken, drafts, answer) => {
        this.#call(() => conversation(cid).append(this.#core.uid, have, taken, drafts), answer);
      },
      page: (cid, query, answer) => {
        this.#call(() => conversation(cid).page(this.#core.uid, query), answer);
      },
      count: (cid, seq, answer) => {
        this.#call(() => conversation(cid).count(this.#core.uid, seq), answer);
      },
      mark: (cid, delivered, read, answer) => {
        this.#call(() => conversation(cid).mark(this.#core.uid, delivered, read), answer);
      },
      headOf: (cid, answer) => {
        this.#call(() => conversation(cid).headOf(this.#core.uid), answer);
      },
      groupSignal: (cid, signal) => {
        this.#call(
          () => conversation(cid).signal(this.#core.uid, signal).then(yes),
          () => {},
        );
      },
      release: (cid, ids, answer) => {
        this.#call(() => conversation(cid).release(this.#core.uid, ids).then(yes), answer);
      },
      block: (cid, on, answer) => {
        this.#call(() => conversation(cid).block(this.#core.uid, on).then(yes), answer);
      },
      receipt: (to, cid, delivered, read, answer) => {
        this.#call(() => user(to).receipt(cid, this.#core.uid, delivered, read), answer);
      },
      signal: (to, signal, answer) => {
        this.#call(() => user(to).signal(signal), answer);
      },
      watch: (target, on, answer) => {
        this.#call(() => user(target).watch(this.#core.uid, on), answer);
      },
      names: (uids, answer) => {
        this.#call(() => services(this.env).users.names(uids), answer);
      },
      alarm: (at) => {
        if (this.#alarmAt !== undefined && this.#alarmAt <= at) return;
        this.#alarmAt = at;
        this.cost.rowsWritten += 1;
        void this.ctx.storage.setAlarm(at);
      },
      requestId: () => crypto.randomUUID(),
      chance: () => Math.random(),
    };
  }

  /**
   * Makes a call and gives its answer to the core. Each call takes a fresh stub (in `make`): one that failed is broken
   * for good. The answer and what follows from it happen in one turn (ORD3).
   */
  #call<T>(make: () => Promise<T>, answer: Answer<T>): void {
    let answered = false;
    const settle = (value: T | undefined): void => {
      if (answered) return;
      answered = true;
      clearTimeout(deadline);
      answer(value, Date.now());
      this.#after();
    };
    const deadline = setTimeout(() => settle(undefined), CALL_DEADLINE_MS);
    const failed = (error: unknown): void => {
      log("warn", "object call failed", describe(error));
      settle(undefined);
    };
    // Not `.then(settle, failed).catch(…)`: an exception of the core is a bug and must surface, not look like a failed call.
    void make().then(settle, failed);
  }
}

function yes(): true {
  return true;
}
