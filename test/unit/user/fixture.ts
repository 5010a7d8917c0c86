/** Alice's object in memory: devices that keep what they are told, calls to others that a test answers. */
import { parseConfig, type Config } from "../../../src/config/config.ts";
import type { GroupHead } from "../../../src/durable-objects/group-rpc.ts";
import { Link } from "../../../src/durable-objects/user/links.ts";
import { User } from "../../../src/durable-objects/user/user.ts";
import { UserStore } from "../../../src/durable-objects/user/user-store.ts";
import type { Answer, UserPort } from "../../../src/durable-objects/user/user-port.ts";
import type {
  AppendReply,
  Draft,
  Entry,
  Page,
  PageQuery,
  PushCall,
  PushReply,
  Signal,
} from "../../../src/durable-objects/rpc.ts";
import type { Result } from "../../../src/lib/result.ts";
import type { Refusal } from "../../../src/protocol/codes.ts";
import { BATCH_FRAMES, FRAME_BYTES, ServerFrame, type HeadView } from "../../../src/protocol/frames.ts";
import type { Cid, DeviceId, Uid } from "../../../src/protocol/ids.ts";
import { decodeDown, type Attach, type Control, type Note, type UpFrame } from "../../../src/protocol/link.ts";
import { makeEntries } from "../../support/arbitraries.ts";
import { openSqlite } from "../../support/sqlite.ts";

export const ALICE = "alice" as Uid;
export const BOB = "bob" as Uid;
export const CAROL = "carol" as Uid;
export const CHAT = "d.alice.bob" as Cid;
export const OTHER = "d.alice.carol" as Cid;
export const CONFIG = parseConfig(undefined);
export const START = 1_800_000_000_000;

/** Calls of alice's object to others, waiting for their answers. */
interface Calls {
  append: { cid: Cid; have: number; taken: number; drafts: readonly Draft[]; answer: Answer<AppendReply> };
  page: { cid: Cid; query: PageQuery; answer: Answer<Result<Page, Refusal>> };
  count: { cid: Cid; seq: number; answer: Answer<Result<number, Refusal>> };
  mark: { cid: Cid; delivered: number; read: number; answer: Answer<boolean> };
  headOf: { cid: Cid; answer: Answer<Result<GroupHead, Refusal>> };
  groupSignal: { cid: Cid; signal: Signal };
  release: { cid: Cid; ids: readonly string[]; answer: Answer<true> };
  block: { cid: Cid; on: boolean; answer: Answer<true> };
  receipt: { to: Uid; cid: Cid; delivered: number; read: number; answer: Answer<true> };
  signal: { to: Uid; signal: Signal; answer: Answer<boolean> };
  watch: { target: Uid; on: boolean; answer: Answer<{ online: boolean; lastSeen: number }> };
  names: { uids: readonly Uid[]; answer: Answer<ReadonlyMap<Uid, string>> };
}

/** What a device was told, in order. */
export class Device {
  readonly link: Link;
  readonly frames: ServerFrame[] = [];
  readonly notes: Note[] = [];
  readonly controls: Control[] = [];
  /** How its link ended, if alice's object ended it. */
  ended: string | undefined;
  #read = 0;

  constructor(link: Link) {
    this.link = link;
  }

  /** Frames since the last call. */
  take(): ServerFrame[] {
    const fresh = this.frames.slice(this.#read);
    this.#read = this.frames.length;
    return fresh;
  }

  /** Frames since the last call, each as a few words. */
  words(): string[] {
    return this.take().map(wordsOf);
  }

  /** Takes a message from the link apart; every frame has to be one of the wire's, every message of its size. */
  told(text: string): void {
    const down = decodeDown(text);
    if ("control" in down) return void this.controls.push(down.control);
    if (Buffer.byteLength(down.payload) > FRAME_BYTES) throw new Error("a message over 64 KiB");
    const payload = JSON.parse(down.payload) as unknown;
    const frames = Array.isArray(payload) ? (payload as unknown[]) : [payload];
    if (frames.length > BATCH_FRAMES) throw new Error("a batch over 128 frames");
    for (const frame of frames) this.frames.push(ServerFrame.parse(frame));
    this.notes.push(down.note);
  }
}

function wordsOf(frame: ServerFrame): string {
  switch (frame.t) {
    case "message":
      return frame.seq === undefined ? `message of ${frame.from}` : `message ${frame.seq} of ${frame.from}`;
    case "sent":
      return `sent ${frame.id} ${frame.seq}${frame.duplicate ? " again" : ""}`;
    case "heads":
      return `heads ${frame.heads.map(headWords).join(", ")}`;
    case "receipt":
      return `receipt of ${frame.user} delivered ${frame.delivered ?? "-"} read ${frame.read ?? "-"}`;
    case "error":
      return `error ${frame.code} ${String(frame.ref)}`;
    case "typing":
      return `typing ${frame.user} ${frame.on ? "on" : "off"}`;
    case "presence":
      return `presence ${frame.user} ${frame.state}`;
    case "synced":
      return `synced ${String(frame.req)}`;
    case "released":
      return `released ${frame.ids.join(" ")}`;
    case "page":
      return `page ${String(frame.req)} ${frame.messages.length}`;
    default:
      return frame.t;
  }
}

function headWords(head: HeadView): string {
  return `${head.cid}:${head.head}/${head.unread}`;
}

export class Alice {
  readonly db: ReturnType<typeof openSqlite>;
  user!: User;
  now = START;
  calls: { [K in keyof Calls]: Calls[K][] } = noCalls();
  readonly alarms: number[] = [];
  /** Attachments as they would survive a sleep. */
  readonly kept = new Map<Link, Link["attachment"]>();
  readonly config: Config;
  #devices = new Map<Link, Device>();
  #sessions = 0;

  constructor(config: Config = CONFIG, db = openSqlite()) {
    this.config = config;
    this.db = db;
    this.restart();
  }

  /** The object dies: memory, links and calls are gone; what was written stays. */
  restart(links: readonly Link[] = []): void {
    this.calls = noCalls();
    this.#devices = new Map([...this.#devices].filter(([link]) => links.includes(link)));
    this.user = new User(ALICE, new UserStore(this.db.sql, this.db.transact), this.config, this.#port(), links);
  }

  /** The object sleeps and wakes: links come back from their attachments. */
  sleep(...devices: Device[]): Device[] {
    const woken = devices.map(({ link }) => new Device(new Link(this.kept.get(link) ?? link.attachment)));
    this.restart(woken.map(({ link }) => link));
    for (const device of woken) this.#devices.set(device.link, device);
    return woken;
  }

  /** A device connects; what it is told at once is left in its frames. */
  connect(device = "phone", change: Partial<Attach> = {}): Device {
    this.#sessions += 1;
    const attach: Attach = {
      session: `session-${this.#sessions}`,
      device: device as DeviceId,
      started: this.now + this.#sessions,
      again: false,
      ...change,
    };
    const link = new Link({ ...attach, lagging: false }, attach.seen);
    const made = new Device(link);
    this.#devices.set(link, made);
    this.user.attach(link, attach, this.now);
    return made;
  }

  /** The device sends frames. */
  up(device: Device, ...frames: UpFrame[]): void {
    this.user.frames(device.link, frames, this.now);
  }

  /** The next call of a sort; throws when there is none. */
  call<K extends keyof Calls>(name: K): Calls[K] {
    const next = this.calls[name].shift();
    if (next === undefined) throw new Error(`no call of ${name}`);
    return next;
  }

  /** The conversation offers entries. */
  push(entries: readonly Entry[], change: Partial<PushCall> = {}): PushReply {
    return this.user.push({ cid: CHAT, settle: false, skip: false, entries, ...change }, this.now);
  }

  /** Time goes on, and what is due is done at its time. */
  wait(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.user.nextTick();
      if (next === undefined || next > end) break;
      this.now = Math.max(this.now, next);
      this.user.tick(this.now);
    }
    this.now = end;
  }

  /** The head as a device would be told it. */
  head(cid: Cid = CHAT): HeadView {
    const row = this.user.heads.get(cid);
    if (row === undefined) throw new Error("no such head");
    return this.user.heads.view(row);
  }

  #port(): UserPort {
    const { calls } = this;
    const note =
      <K extends keyof Calls>(name: K) =>
      (call: Calls[K]): void => {
        (calls[name] as Calls[K][]).push(call);
      };
    const end = (link: Link, how: string): void => {
      const device = this.#devices.get(link);
      if (device !== undefined) device.ended = how;
      this.#devices.delete(link);
    };
    return {
      send: (link, text) => this.#devices.get(link)?.told(text),
      shut: end,
      drop: (link) => end(link, "again"),
      keep: (link) => this.kept.set(link, structuredClone(link.attachment)),
      append: (cid, have, taken, drafts, answer) => note("append")({ cid, have, taken, drafts, answer }),
      page: (cid, query, answer) => note("page")({ cid, query, answer }),
      count: (cid, seq, answer) => note("count")({ cid, seq, answer }),
      mark: (cid, delivered, read, answer) => note("mark")({ cid, delivered, read, answer }),
      headOf: (cid, answer) => note("headOf")({ cid, answer }),
      groupSignal: (cid, signal) => note("groupSignal")({ cid, signal }),
      release: (cid, ids, answer) => note("release")({ cid, ids, answer }),
      block: (cid, on, answer) => note("block")({ cid, on, answer }),
      receipt: (to, cid, delivered, read, answer) => note("receipt")({ to, cid, delivered, read, answer }),
      signal: (to, signal, answer) => note("signal")({ to, signal, answer }),
      watch: (target, on, answer) => note("watch")({ target, on, answer }),
      names: (uids, answer) => note("names")({ uids, answer }),
      alarm: (at) => void this.alarms.push(at),
      requestId: () => "request-1",
      chance: () => 0.5,
    };
  }
}

function noCalls(): { [K in keyof Calls]: Calls[K][] } {
  return {
    append: [],
    page: [],
    count: [],
    mark: [],
    headOf: [],
    groupSignal: [],
    release: [],
    block: [],
    receipt: [],
    signal: [],
    watch: [],
    names: [],
  };
}

/** A `send` frame as it comes over the link. */
export function send(id: string, change: Partial<Extract<UpFrame, { t: "send" }>> = {}): UpFrame {
  const body = JSON.stringify({ text: id });
  return { t: "send", id: id as never, to: "@bob" as never, kind: "text", body, qos: 1, priority: 1, ...change };
}

/** The entry that a draft becomes. */
export function entryOf(draft: Draft, seq: number, count = seq, from: Uid = ALICE): Entry {
  const { device: _device, qos: _qos, ...fields } = draft;
  return { ...fields, seq, from, ts: START, count };
}

/** Entries of bob, `first` to `last`, each countable, after `first - 1` others that were. */
export function ofBob(first: number, last = first): Entry[] {
  return makeEntries(
    Array.from({ length: last - first + 1 }, () => ({ from: BOB })),
    first,
    first - 1,
  );
}

/** The reply to a call whose drafts all became entries from `seq` on; `before`: what else the caller lacked. */
export function accepted(
  drafts: readonly Draft[],
  seq: number,
  before: readonly Entry[] = [],
  settled = false,
): AppendReply {
  const entries = [...before, ...drafts.map((draft, i) => entryOf(draft, seq + i))];
  const results = drafts.map(({ id }, i) => ({ id, seq: seq + i, ts: START }));
  return { results, entries, head: seq + drafts.length - 1, settled };
}
