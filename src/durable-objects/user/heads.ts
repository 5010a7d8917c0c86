/**
 * The heads of one user, with the changes that are not on disk yet. A change takes effect in memory at once and is
 * written later with others (one row per conversation, however many changes): who must know that it is on disk asks
 * `taken`. Every change gets a version, and versions follow the clock, so that a restart never gives one out twice.
 */
import { kindOf, peerOf, type Cid, type Uid } from "../../protocol/ids.ts";
import type { HeadView, MessageView } from "../../protocol/frames.ts";
import { messageFields } from "../message-json.ts";
import type { Entry } from "../rpc.ts";
import type { HeadRow, InGroup, Last, UserStore } from "./user-store.ts";

/** Versions for one ms: more changes than one object can make in it. */
const VERSIONS_PER_MS = 1000;
/** Clean heads kept in memory. */
const CACHED = 1000;
/** Countable positions of recent entries kept per conversation, so that reading them asks nobody. */
const POSITIONS = 128;
/** A body longer than this, in characters, is shortened in a list of conversations. */
const PREVIEW = 512;

interface Cached {
  row: HeadRow;
  /** `head` as the disk has it. */
  stored: number;
  dirty: boolean;
  /** Countable positions of the entries up to `row.head`, the last one last. */
  positions: number[];
}

const EMPTY: Omit<HeadRow, "cid"> = {
  head: 0,
  count: 0,
  read: 0,
  readCount: 0,
  delivered: 0,
  peerDelivered: 0,
  peerRead: 0,
  version: 0,
  muted: false,
  pinned: false,
  name: "",
  membership: undefined,
  last: undefined,
};

export class Heads {
  readonly #store: UserStore;
  readonly #self: Uid;
  readonly #cache = new Map<Cid, Cached>();
  readonly #dirty = new Set<Cid>();
  #version: number;

  constructor(store: UserStore, self: Uid) {
    this.#store = store;
    this.#self = self;
    this.#version = store.lastVersion();
  }

  /** The newest version given out. */
  get version(): number {
    return this.#version;
  }

  get dirty(): boolean {
    return this.#dirty.size > 0;
  }

  get(cid: Cid): HeadRow | undefined {
    return this.#load(cid)?.row;
  }

  /** The highest seq that is on disk. */
  taken(cid: Cid): number {
    return this.#load(cid)?.stored ?? 0;
  }

  /** A version for a change made now. */
  nextVersion(now: number): number {
    this.#version = Math.max(this.#version + 1, now * VERSIONS_PER_MS);
    return this.#version;
  }

  /** A version that this user can have been given; others are another user's, or inventions. */
  plausible(version: number, now: number): boolean {
    return version <= this.#version || version <= (now + 1000) * VERSIONS_PER_MS;
  }

  /** A device knows a version that was lost with an unwritten change: give it out to nobody else. */
  sawVersion(version: number, now: number): void {
    if (this.plausible(version, now)) this.#version = Math.max(this.#version, version);
  }

  /** Changes a head, creating it when it is new. */
  change(cid: Cid, change: Partial<HeadRow>, version: number): HeadRow {
    const cached = this.#load(cid) ?? { row: { cid, ...EMPTY }, stored: 0, dirty: false, positions: [] };
    cached.row = { ...cached.row, ...change, version };
    cached.dirty = true;
    this.#dirty.add(cid);
    this.#cache.set(cid, cached);
    return cached.row;
  }

  /** Moves a head to where it did not get by entries. */
  jump(cid: Cid, change: Partial<HeadRow>, version: number): HeadRow {
    const row = this.change(cid, change, version);
    (this.#cache.get(cid) as Cached).positions = [];
    return row;
  }

  /** Something of this head is not on disk. */
  unwritten(cid: Cid): boolean {
    return this.#dirty.has(cid);
  }

  /** Raises a head by entries that follow it, or that stand beyond an announced hole. */
  raise(cid: Cid, entries: readonly Entry[], version: number): HeadRow {
    const before = this.get(cid);
    const end = entries.at(-1) as Entry;
    let last = before?.last;
    for (const entry of entries) last = newLast(last, entry);
    const row = this.change(cid, { head: end.seq, count: end.count, last }, version);
    const cached = this.#cache.get(cid) as Cached;
    const contiguous = entries[0]?.seq === (before?.head ?? 0) + 1;
    const positions = contiguous ? cached.positions : [];
    positions.push(...entries.map((entry) => entry.count));
    cached.positions = positions.length > 2 * POSITIONS ? positions.slice(-POSITIONS) : positions;
    return row;
  }

  /** Countable entries up to `seq`, when it is known here. */
  position(cid: Cid, seq: number): number | undefined {
    const cached = this.#load(cid);
    if (cached === undefined) return undefined;
    if (seq === cached.row.head) return cached.row.count;
    return cached.positions[cached.positions.length - 1 - (cached.row.head - seq)];
  }

  /** Writes what has changed, as one commit, with the conversations of QoS 2 ids. */
  flush(qos2: readonly { id: string; cid: Cid }[] = []): void {
    const changed = [...this.#dirty].map((cid) => this.#cache.get(cid) as Cached);
    if (changed.length === 0 && qos2.length === 0) return;
    this.#store.write(
      changed.map(({ row }) => row),
      qos2,
    );
    for (const cached of changed) {
      cached.stored = cached.row.head;
      cached.dirty = false;
    }
    this.#dirty.clear();
    this.#trim();
  }

  /** Heads changed after a version, oldest change first. */
  since(version: number): HeadRow[] {
    const rows = this.#store.headsSince(version).filter((row) => !this.#dirty.has(row.cid));
    for (const cid of this.#dirty) {
      const row = this.#cache.get(cid)?.row;
      if (row !== undefined && row.version > version) rows.push(row);
    }
    return rows.toSorted((a, b) => a.version - b.version);
  }

  /** An entry as a list of conversations shows it. */
  shown(entry: Entry): Last {
    return shortened({ entry });
  }

  /** A head as the wire shows it. */
  view(row: HeadRow): HeadView {
    const type = kindOf(row.cid);
    const peer = type === "direct" ? peerOf(row.cid, this.#self) : undefined;
    const view: HeadView = {
      cid: row.cid,
      type,
      head: row.head,
      // A group may say how far its member has read before the entries come.
      read: Math.min(row.read, row.head),
      unread: Math.max(0, row.count - row.readCount),
      version: row.version,
      muted: row.muted,
      pinned: row.pinned,
      mode: row.membership?.mode ?? "push",
    };
    if (type === "group") {
      view.name = row.name;
      const { first, left } = row.membership as InGroup;
      if (first > 1) view.first = first;
      if (left > 0) view.left = true;
    }
    if (peer !== undefined) {
      view.peer = {
        uid: peer,
        name: row.name,
        delivered: Math.min(row.peerDelivered, row.head),
        read: Math.min(row.peerRead, row.head),
      };
    }
    if (row.last !== undefined) {
      const { entry, edited, truncated } = row.last;
      const last = JSON.parse(`{${messageFields(row.cid, entry, edited && { edited })}}`) as MessageView;
      view.last = truncated ? { ...last, truncated } : last;
    }
    return view;
  }

  #load(cid: Cid): Cached | undefined {
    const cached = this.#cache.get(cid);
    if (cached !== undefined) return cached;
    const row = this.#store.head(cid);
    if (row === undefined) return undefined;
    const loaded = { row, stored: row.head, dirty: false, positions: [] };
    this.#cache.set(cid, loaded);
    return loaded;
  }

  #trim(): void {
    if (this.#cache.size <= CACHED) return;
    for (const [cid, cached] of this.#cache) {
      if (!cached.dirty) this.#cache.delete(cid);
      if (this.#cache.size <= CACHED / 2) return;
    }
  }
}

/** The newest message after one more entry: an amendment of it shows, any other amendment does not. */
function newLast(last: Last | undefined, entry: Entry): Last | undefined {
  if (entry.kind !== "amend") return shortened({ entry });
  if (last === undefined || entry.target !== last.entry.seq) return last;
  if (entry.op === "recall") return { entry: { ...last.entry, body: "" } };
  if (entry.op === "edit" && entry.body !== "") {
    return shortened({ entry: { ...last.entry, body: entry.body }, edited: { seq: entry.seq, ts: entry.ts } });
  }
  return last;
}

function shortened(last: Last): Last {
  const { entry } = last;
  if (entry.body.length <= PREVIEW) return last;
  return { ...last, entry: { ...entry, body: JSON.stringify(preview(entry)) }, truncated: true };
}

function preview({ kind, body }: Entry): Record<string, unknown> {
  if (kind !== "text" && kind !== "system") return {};
  const { text, event, user } = JSON.parse(body) as { text: string; event?: string; user?: Uid };
  return kind === "text" ? { text: beginning(text) } : { event, user };
}

/** Cut between code points: half of a pair would not be Unicode. */
function beginning(text: string): string {
  return text.slice(0, PREVIEW).replace(/[\uD800-\uDBFF]$/, "");
}
