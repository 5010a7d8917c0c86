/**
 * One client's connection as a state machine: hello, the link to the user's object and its re-attachment, the frames both
 * ways. Pure: the shell (connection.ts) feeds it events and carries out what `SessionPort` asks. What it keeps per
 * connection is small (an idle one: a few hundred bytes), because thousands share an isolate.
 */
import type { Config } from "../../config/config.ts";
import { CLOSE_RESTART, CODES, refuse, type Code, type Refusal } from "../../protocol/codes.ts";
import { decode, type Decoded, type Ref } from "../../protocol/codec.ts";
import { BATCH_FRAMES, type ClientFrameOf } from "../../protocol/frames.ts";
import type { Cid, DeviceId, Uid } from "../../protocol/ids.ts";
import { decodeDown, SYNCED, type Note, type UpFrame } from "../../protocol/link.ts";
import type { Result } from "../../lib/result.ts";
import { Bucket, Minute } from "./gate.ts";
import { Lately } from "./lately.ts";
import { reattachWait } from "./reattach.ts";
import { Relays } from "./relays.ts";
import type { SessionPort, Who } from "./session-port.ts";
import { Requests } from "./requests.ts";
import { neverRefused, refOf, toUp } from "./up-frames.ts";
import { RECENT_CHATS, RECENT_MS, Watermarks } from "./watermarks.ts";
import { welcomeFrame } from "./welcome.ts";

/** Links that one connection opens; an invocation has 10,000 sub-requests for its whole life. */
const OPENED = 5000;
/** Users that one connection may watch: whom it watches is kept, and told again over every new link. */
const WATCHED = 1000;
/** Long answers, by their beginning, and what they cost of the connection's rate. */
const ANSWER = /^\{"t":"(?:heads|page)"/;
const CHARACTERS_PER_TOKEN = 8192;
/** Clients told to go away at the same time come back over this many ms. */
const STAGGER_MS = 5000;

export class Session {
  readonly #port: SessionPort;
  readonly #config: Config;
  readonly #id: string;
  readonly #started: number;
  #state: "hello" | "auth" | "linking" | "open" | "relinking" | "closed" = "hello";
  #hello: ClientFrameOf<"hello"> | undefined;
  #who: Who | undefined;
  /** What the client knows: the object is asked for what came after, over a new link. */
  #version = 0;
  /** The heads that `hello` asked for have all arrived. */
  #synced = true;
  readonly #requests: Requests;
  readonly #marks: Watermarks;
  /** The client's large groups. */
  readonly #relays: Relays;
  /** The newest seq that went to the client, by conversation, of the last seconds. */
  readonly #seen = new Lately<number>();
  readonly #watching = new Set<Uid>();
  readonly #bucket: Bucket;
  readonly #bad = new Minute();
  #frames = 0;
  #heard: number;
  #attempts = 0;
  /** Links to the user's object so far. */
  #links = 0;
  /** When the link broke, and when it is tried again. */
  #brokenAt = 0;
  #retryAt: number | undefined;
  /** The session ends itself a little before the platform would; each at its own time. */
  readonly #endsAt: number;

  constructor(id: string, config: Config, port: SessionPort, now: number) {
    this.#id = id;
    this.#config = config;
    this.#port = port;
    this.#started = now;
    this.#heard = now;
    this.#bucket = new Bucket(config.limits.rate, config.limits.burst, now);
    this.#requests = new Requests(config.limits.buffer);
    this.#marks = new Watermarks(config.limits.buffer);
    this.#relays = new Relays(config, port, this.#owner());
    this.#endsAt = now + config.limits.session_ms * (1 - 0.1 * port.chance());
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  /** Who is connected, once that is known. */
  get user(): Uid | undefined {
    return this.#who?.uid;
  }

  // --- events from the client ------------------------------------------------------------------------------------

  /** One WebSocket message of the client. */
  received(text: string, now: number): void {
    if (this.closed) return;
    this.#heard = now;
    const up: UpFrame[] = [];
    for (const decoded of decode(text)) {
      this.#frames += 1;
      const { retryAfter, flood } = this.#bucket.take(now, !neverRefused(decoded));
      if (flood) return this.#end("rate_limited", "too many frames");
      if (retryAfter > 0) {
        this.#error(refuse("rate_limited", "too many frames", retryAfter), refOf(decoded));
        continue;
      }
      this.#accept(decoded, up, now);
      // `accept` may have ended the session; what follows in the batch is nobody's any more.
      if (this.closed) return;
    }
    if (up.length > 0 || this.#marks.due(now)) this.#send(up, now);
    if (this.#frames >= this.#config.limits.session_frames) this.#goAway("session_limit");
    this.#tickRelays(now);
  }

  /** A binary message of the client: this protocol has none. */
  receivedBinary(now: number): void {
    if (this.closed) return;
    this.#heard = now;
    this.#badFrame(refuse("invalid_frame", "binary messages are not part of this protocol"), undefined, now);
  }

  /** The client's connection is gone. */
  gone(): void {
    if (this.closed) return;
    this.#leave();
  }

  // --- events from the services ----------------------------------------------------------------------------------

  /** The token was checked. */
  authenticated(result: Result<Who, Refusal>, now: number): void {
    if (this.#state !== "auth") return;
    if (!result.ok) {
      this.#error(result.error, undefined);
      return this.#end(result.error.code, result.error.message, false);
    }
    this.#who = result.value;
    this.#state = "linking";
    this.#brokenAt = now;
    this.#attach();
  }

  /** The link is open; the object speaks first. */
  linked(): void {
    if (this.closed) this.#port.unlink();
  }

  /** Text from the user's object. */
  fromLink(text: string, now: number): void {
    if (this.closed) return;
    const down = decodeDown(text);
    if (!("control" in down)) this.#relays.fromUser(down, now);
    else if (down.control.do === "attached") this.#attached(down.control.version, now);
    else if (down.control.do !== "close") this.#relays.control(down.control, now);
    else return this.#end(down.control.code, down.control.code === "replaced" ? "another connection" : "signed out");
    this.#tickRelays(now);
  }

  /** Text from a relay of one of the client's large groups. */
  fromRelay(cid: Cid, text: string, now: number): void {
    if (this.closed) return;
    this.#relays.fromRelay(cid, text, now);
    this.#tickRelays(now);
  }

  /** A relay link broke, or could not be opened. */
  relayLost(cid: Cid, now: number): void {
    if (this.closed) return;
    this.#relays.relayLost(cid, now);
    this.#tickRelays(now);
  }

  /** The link broke, or could not be opened. */
  linkLost(now: number): void {
    if (this.closed || this.#retryAt !== undefined) return;
    this.#relays.userLost();
    if (this.#state === "open") {
      this.#state = "relinking";
      this.#brokenAt = now;
      this.#attempts = 0;
    }
    this.#retryAt = now + reattachWait(this.#attempts, this.#port.chance());
    this.#attempts += 1;
  }

  // --- time ------------------------------------------------------------------------------------------------------

  /** Does what is due. */
  tick(now: number): void {
    if (this.closed) return;
    const { timeouts } = this.#config;
    if (this.#state === "hello" && now >= this.#started + timeouts.hello_ms) return this.#end("timeout", "no hello");
    if (now >= this.#heard + 2 * timeouts.heartbeat_ms) return this.#end("timeout", "no heartbeat");
    if (now >= this.#endsAt) return this.#goAway("session_limit");
    if (this.#marks.due(now)) this.#send([], now);
    // Also when the link that is being opened neither opens nor fails.
    if (this.#linkless && now >= this.#brokenAt + timeouts.reattach_ms) return this.#goAway("restart");
    if (this.#retryAt !== undefined && now >= this.#retryAt) {
      this.#retryAt = undefined;
      this.#attach();
    }
    this.#tickRelays(now);
  }

  #tickRelays(now: number): void {
    if (this.closed) return;
    const polls = this.#relays.tick(this.#state === "open", now);
    if (polls.length > 0) this.#send(polls, now);
    if (this.#relays.opened + this.#links >= OPENED) this.#goAway("session_limit");
  }

  /** There is no link, and one is being made. */
  get #linkless(): boolean {
    return this.#state === "linking" || this.#state === "relinking";
  }

  /** When `tick` has something to do. */
  nextTick(): number {
    const { timeouts } = this.#config;
    let next = Math.min(this.#heard + 2 * timeouts.heartbeat_ms, this.#endsAt);
    if (this.#state === "hello") next = Math.min(next, this.#started + timeouts.hello_ms);
    if (this.#linkless) next = Math.min(next, this.#brokenAt + timeouts.reattach_ms);
    if (this.#retryAt !== undefined) next = Math.min(next, this.#retryAt);
    return Math.min(next, this.#marks.nextDue(), this.#relays.nextTick(this.#state === "open"));
  }

  // --- frames up -------------------------------------------------------------------------------------------------

  #accept(decoded: Decoded, up: UpFrame[], now: number): void {
    if (!decoded.ok) return this.#badFrame(decoded.refusal, decoded.ref, now);
    const { frame } = decoded;
    if (frame.t === "hello") return this.#greet(frame, now);
    if (this.#state === "hello")
      return this.#badFrame(refuse("invalid_frame", "hello comes first"), refOf(decoded), now);
    if (frame.t === "ping") {
      const n = frame.n === undefined ? "" : `"n":${frame.n},`;
      return this.#port.send(`{"t":"pong",${n}"ts":${now}}`);
    }
    const upFrame = toUp(frame);
    if ("code" in upFrame) return this.#badFrame(upFrame, refOf(decoded), now);
    if (upFrame.t === "watch" && new Set([...this.#watching, ...upFrame.users]).size > WATCHED) {
      return this.#error(refuse("invalid_argument", `at most ${WATCHED} users are watched at a time`), undefined);
    }
    if (!this.#requests.add(upFrame)) {
      return this.#error(refuse("overloaded", "too many requests without an answer", 1000), refOf(decoded));
    }
    this.#use(upFrame, now);
    if (upFrame.t !== "ack" && upFrame.t !== "read") up.push(upFrame);
    else if (!this.#relays.mark(upFrame, now)) this.#marks.add(upFrame, this.#state === "open", now);
  }

  #greet(frame: ClientFrameOf<"hello">, now: number): void {
    if (this.#state !== "hello") return this.#badFrame(refuse("invalid_frame", "hello comes once"), undefined, now);
    this.#hello = frame;
    this.#version = frame.since ?? 0;
    this.#synced = frame.since === undefined;
    this.#state = "auth";
    this.#port.authenticate(frame.token);
  }

  /** Whom the client watches, which a new link has to be told again; and what of its large groups it uses. */
  #use(frame: UpFrame, now: number): void {
    if (frame.t === "watch") for (const user of frame.users) this.#watching.add(user);
    else if (frame.t === "unwatch") for (const user of frame.users) this.#watching.delete(user);
    else if (frame.t === "send") this.#relays.use(frame.to, true, now);
    else if ("cid" in frame) this.#relays.use(frame.cid, frame.t !== "ack" && frame.t !== "typing", now);
  }

  /** A payload in its place. */
  #hand({ version, done, about, seen }: Note, payload: string, now: number): void {
    if (version > this.#version) this.#version = version;
    for (const key of done) if (!this.#requests.answered(key) && key === SYNCED) this.#synced = true;
    if (seen !== "") this.#saw(seen, now);
    // A client that asks for much and does not read would fill memory at our end: answers cost it tokens by their length.
    if (ANSWER.test(payload)) this.#bucket.charge(payload.length / CHARACTERS_PER_TOKEN);
    if (payload !== "" && (about === "" || this.#watching.has(about as Uid))) this.#port.send(payload);
  }

  /** An object that died, and is told again what the client had from it before, says less than was so already. */
  #saw(seen: string, now: number): void {
    const space = seen.indexOf(" ");
    const cid = seen.slice(0, space);
    const most = Math.max(this.#seen.get(cid) ?? 0, Number(seen.slice(space + 1)));
    this.#seen.note(cid, most, now, now - RECENT_MS, RECENT_CHATS);
  }

  #send(up: readonly UpFrame[], now: number): void {
    const marks = this.#marks.take(now);
    if (this.#state === "open") return this.#port.forward(JSON.stringify(marks.length === 0 ? up : [...marks, ...up]));
    this.#requests.wait(up);
  }

  // --- the link --------------------------------------------------------------------------------------------------

  #attach(): void {
    this.#links += 1;
    const hello = this.#hello as ClientFrameOf<"hello">;
    const again = this.#state === "relinking" && this.#synced;
    this.#port.link((this.#who as Who).uid, {
      session: this.#id,
      device: hello.device.id,
      started: this.#started,
      login: this.#who?.login,
      name: hello.device.name,
      platform: hello.device.platform,
      since: this.#state === "relinking" ? this.#version : hello.since,
      seen: Object.fromEntries(this.#seen.entries()),
      again,
    });
  }

  #attached(version: number, now: number): void {
    const first = this.#state === "linking";
    this.#state = "open";
    this.#attempts = 0;
    this.#retryAt = undefined;
    if (first) this.#welcome(version, now);
    if (first && this.#hello?.since === undefined) this.#version = Math.max(this.#version, version);
    const again: UpFrame[] = [];
    if (!first && this.#watching.size > 0) again.push({ t: "watch", users: [...this.#watching] });
    again.push(...this.#marks.again(first ? 0 : this.#brokenAt - RECENT_MS, now));
    again.push(...this.#requests.again());
    for (let i = 0; i < again.length; i += BATCH_FRAMES) {
      this.#port.forward(JSON.stringify(again.slice(i, i + BATCH_FRAMES)));
    }
  }

  /** What the session is to its large groups. */
  #owner(): ConstructorParameters<typeof Relays>[2] {
    const who = (): { uid: Uid; session: string; device: DeviceId } => ({
      uid: (this.#who as Who).uid,
      session: this.#id,
      device: (this.#hello as ClientFrameOf<"hello">).device.id,
    });
    return {
      who,
      open: (key) => this.#requests.has(key),
      seen: (cid) => this.#seen.get(cid) ?? 0,
      hand: (note, payload, now) => this.#hand(note, payload, now),
      relink: (now) => {
        this.#port.unlink();
        this.linkLost(now);
      },
      markUser: (mark, now) => this.#marks.add(mark, this.#state === "open", now),
    };
  }

  #welcome(version: number, now: number): void {
    const { device } = this.#hello as ClientFrameOf<"hello">;
    const user = (this.#who as Who).uid;
    this.#port.send(welcomeFrame({ session: this.#id, user, device: device.id, version, ts: now }, this.#config));
  }

  // --- refusals and ends -----------------------------------------------------------------------------------------

  #badFrame(refusal: Refusal, ref: Ref | undefined, now: number): void {
    this.#error(refusal, ref);
    // A message that is too long to be read closes at once: nothing is known of what it asked.
    if (refusal.code === "too_large" && ref === undefined) return this.#end("too_large", refusal.message, false);
    if (this.#bad.add(now, this.#config.limits.bad_frames)) this.#end("invalid_frame", "too many bad frames", false);
  }

  #error(refusal: Refusal, ref: Ref | undefined): void {
    const { code, message, retryAfter } = refusal;
    this.#port.send(
      JSON.stringify({ t: "error", code, message, ref, retry_after: retryAfter, request_id: this.#port.requestId() }),
    );
  }

  /** Ends the connection for a reason of the table; `tell` sends the error first. */
  #end(code: Code, message: string, tell = true): void {
    if (tell && code !== "replaced" && code !== "timeout") this.#error(refuse(code, message), undefined);
    const { close }: { readonly close?: number | undefined } = { close: undefined, ...CODES[code] };
    this.#leave();
    this.#port.close(close ?? 4500, code);
  }

  /** The end of the session; the watermarks that wait still go. */
  #leave(): void {
    const marks = this.#marks.take(0);
    if (this.#state === "open" && marks.length > 0) this.#port.forward(JSON.stringify(marks));
    this.#relays.leave();
    this.#state = "closed";
    this.#port.unlink();
  }

  #goAway(reason: string): void {
    const retryAfter = Math.round(this.#port.chance() * STAGGER_MS);
    this.#port.send(JSON.stringify({ t: "goaway", reason, retry_after: retryAfter }));
    this.#leave();
    this.#port.close(CLOSE_RESTART, reason);
  }
}
