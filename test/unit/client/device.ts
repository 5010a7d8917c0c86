/** A client's core with a link that breaks and a store that forgets what was not flushed. */
import { Clock } from "../../../client/src/clock.ts";
import { Core } from "../../../client/src/core/core.ts";
import type { CoreEvent } from "../../../client/src/core/events.ts";
import type { Held } from "../../../client/src/core/log.ts";
import type { OutRecord } from "../../../client/src/core/item.ts";
import type { RoomRecord } from "../../../client/src/core/room-record.ts";
import { CHAT, ME, messagesOf, OUT, type MeRecord } from "../../../client/src/core/state.ts";
import { newId } from "../../../client/src/id.ts";
import type { Message } from "../../../client/src/message.ts";
import type { ClientFrame, ServerFrame } from "../../../client/src/wire.ts";
import type { FakeServer, Link } from "./server.ts";

export class FakeDevice {
  readonly user: string;
  readonly id: string;
  /** What the application was told since the last start, in order. */
  told: CoreEvent[] = [];
  core: Core;
  link: Link | undefined;
  /** Written and not arrived. */
  up: ClientFrame[] = [];
  readonly #server: FakeServer;
  readonly #chance: () => number;
  readonly #options: { readonly catchUp: number; readonly keep: number };
  /** Turns that are not in the store yet. */
  #unwritten: Map<string, unknown>[] = [];
  #turn = new Map<string, unknown>();
  readonly #disk = new Map<string, string>();
  readonly #seen = new Map<string, Message[]>();
  #opening = false;
  #ids = 0;
  #clock: Clock;
  /** The true time. */
  now = 0;
  /** What its user has set the clock to, against the true time. */
  skew = 0;

  constructor(
    user: string,
    id: string,
    server: FakeServer,
    chance: () => number,
    options: { readonly catchUp: number; readonly keep: number },
  ) {
    this.user = user;
    this.id = id;
    this.#server = server;
    this.#chance = chance;
    this.#options = options;
    this.#clock = this.#wound();
    this.core = this.#make();
  }

  start(now: number): void {
    this.#do((core, at) => core.start(at), now);
  }

  /** The process ends at once, with what of its last turns the store has not written; and starts again. */
  crash(now: number, lost: number): void {
    this.cut(now, 1006, false);
    const written = this.#unwritten.slice(0, Math.max(0, this.#unwritten.length - lost));
    for (const turn of written) this.#write(turn);
    this.#unwritten = [];
    this.#turn = new Map();
    this.told = [];
    this.#opening = false;
    this.#seen.clear();
    this.now = now;
    this.#clock = this.#wound();
    this.core = this.#make();
    this.start(now);
  }

  /** The store catches up. */
  flush(): void {
    for (const turn of this.#unwritten) this.#write(turn);
    this.#unwritten = [];
  }

  /** The socket opens, if one is wanted. */
  open(now: number): void {
    if (!this.#opening) return;
    this.#opening = false;
    this.link = this.#server.connect();
    this.#do((core, at) => core.opened(this.user, at), now);
  }

  /** The connection breaks: what is under way either way is gone. */
  cut(now: number, code = 1006, tell = true): void {
    if (this.link === undefined) return;
    this.#server.drop(this.link);
    this.link = undefined;
    this.up = [];
    if (tell) this.#do((core, at) => core.lost(code, undefined, at), now);
  }

  /** So many frames arrive, as one message. */
  down(count: number, now: number): void {
    const frames = this.link?.down.splice(0, count) ?? [];
    if (frames.length > 0) this.#do((core, at) => this.#take(core, frames, at), now);
    else if (this.link?.open === false) this.cut(now, this.link.code);
  }

  /** So many frames reach the server. */
  sendUp(count: number): void {
    for (const frame of this.up.splice(0, count)) if (this.link !== undefined) this.#server.receive(this.link, frame);
  }

  /** Ids that would be sent again after a new start. */
  outbox(): string[] {
    this.flush();
    return [...this.#disk.keys()].filter((key) => key.startsWith(OUT));
  }

  tick(now: number): void {
    this.now = now;
    const at = this.#clock.now();
    if (this.core.nextTick(at) <= at) this.#do((core) => core.tick(at), now);
  }

  /** Something that the application does. */
  act(work: (core: Core, now: number) => void, now: number): void {
    this.#do(work, now);
  }

  messages(cid: string): Message[] {
    this.#load(this.core, cid);
    return this.core.state.messages(this.core.state.room(cid));
  }

  /** As an application sees it that looks anew only after an event, and knows nothing of loading. */
  shown(cid: string): Message[] {
    const seen = this.#seen.get(cid) ?? this.core.state.messages(this.core.state.room(cid));
    this.#seen.set(cid, seen);
    return seen;
  }

  newId(): string {
    this.#ids += 1;
    const tail = `${this.id}${this.#ids}`;
    return newId(this.#clock.now() + this.core.state.ahead).slice(0, 26 - tail.length) + tail;
  }

  #take(core: Core, frames: readonly ServerFrame[], now: number): void {
    for (const cid of core.unloaded(frames)) this.#load(core, cid);
    core.received(frames, 100, now);
  }

  #load(core: Core, cid: string): void {
    if (core.state.rooms.get(cid)?.loaded !== false) return;
    core.load(
      cid,
      (this.#read(messagesOf(cid)) as Held[]).toSorted((a, b) => a.entry.seq - b.entry.seq),
    );
  }

  #wound(): Clock {
    return new Clock(
      () => this.now,
      () => this.now + this.skew,
    );
  }

  #do(work: (core: Core, now: number) => void, now: number): void {
    this.now = now;
    work(this.core, this.#clock.now());
    if (this.#turn.size > 0) this.#unwritten.push(this.#turn);
    this.#turn = new Map();
  }

  #make(): Core {
    const saved = {
      me: this.#read(ME)[0] as MeRecord | undefined,
      rooms: this.#read(CHAT) as RoomRecord[],
      outbox: this.#read(OUT) as OutRecord[],
    };
    const options = { device: { id: this.id }, backoff: { least: 100, most: 1_000 }, ...this.#options };
    return new Core(saved, options, {
      open: () => {
        this.#opening = true;
      },
      write: (text) => {
        if (this.link !== undefined) this.up.push(...this.#server.take(this.link, text));
      },
      shut: () => {
        this.#opening = false;
        if (this.link !== undefined) this.#server.drop(this.link);
        this.link = undefined;
        this.up = [];
      },
      save: (key, value) => this.#turn.set(key, value),
      kept: () => this.#turn.size === 0 && this.#unwritten.length === 0,
      emit: (event) => {
        this.told.push(event);
        if ("cid" in event) this.#seen.delete(event.cid);
      },
      chance: this.#chance,
      id: () => this.newId(),
      wall: (at) => this.#clock.wall(at),
    });
  }

  #read(prefix: string): unknown[] {
    return [...this.#disk].filter(([key]) => key.startsWith(prefix)).map(([, json]) => JSON.parse(json) as unknown);
  }

  #write(turn: ReadonlyMap<string, unknown>): void {
    for (const [key, value] of turn) {
      if (value === undefined) this.#disk.delete(key);
      else this.#disk.set(key, JSON.stringify(value));
    }
  }
}
