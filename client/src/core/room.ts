/** One conversation's state beside its messages: how far it has got, who has what, what is unread. Pure. */
import type { Entry, WireHead, WireMessage } from "../wire.ts";
import { countable, fold } from "./fold.ts";
import { Gone } from "./gone.ts";
import { Log, type Held } from "./log.ts";
import type { Part } from "./part.ts";
import { fresh, type RoomRecord, type Watermarks } from "./room-record.ts";

export class Room {
  readonly cid: string;
  readonly log: Log;
  /** What is held of it elsewhere, and is kept up to date as long as the log misses nothing. */
  readonly parts = new Set<Part>();
  /** False: there may be messages in the store that the log has not been given yet. */
  loaded: boolean;
  /** Somebody looks at it: it follows closely. */
  open = 0;
  /** The application has it: nothing that it holds is forgotten. */
  used = false;
  /** The seq from which on messages are stored. */
  low: number;
  /** `unread` may be wrong: more was read than can be counted here. */
  doubt = false;
  /** What was held was of a log that the server has no more: its newest page comes first. */
  anew = false;
  /** How often that was so. */
  restored = 0;
  /** Up to here the log is the one that was there before that, as far as it is known. */
  same = Infinity;
  /** The server gives nothing more of it, until it says how it stands. */
  refused = false;
  /** The highest seq that was acknowledged on this connection. */
  acked = 0;
  /** What was said to be read on this connection. */
  saidRead: number | undefined;
  /** Of what was read the newest is said once more on this connection, though the server should know it. */
  repeat = false;
  #record: Omit<RoomRecord, "applied" | "end" | "low" | "doubt" | "anew">;
  readonly #me: string;
  readonly #gone: Gone;

  constructor(cid: string, me: string, record?: RoomRecord) {
    this.cid = cid;
    this.#me = me;
    this.#record = record ?? fresh(cid, me);
    this.loaded = record === undefined;
    this.log = new Log(record?.applied ?? 0, record?.low ?? 1, [], record?.end);
    this.low = record?.low ?? 1;
    this.doubt = record?.doubt ?? false;
    this.#gone = new Gone(record?.gone);
    this.anew = record?.anew ?? false;
  }

  get type(): RoomRecord["type"] {
    return this.#record.type;
  }
  get head(): number {
    return this.#record.head;
  }
  /** Up to here everything is read. */
  get read(): number {
    return Math.max(this.#record.read, this.#record.want);
  }
  get unread(): number {
    return this.#record.unread;
  }
  get muted(): boolean {
    return this.#record.muted;
  }
  get pinned(): boolean {
    return this.#record.pinned;
  }
  get name(): string {
    return this.#record.name;
  }
  get peer(): string | undefined {
    return this.#record.peer;
  }
  get left(): boolean {
    return this.#record.left;
  }
  get mode(): "push" | "pull" {
    return this.#record.mode;
  }
  /** The server has not said yet how it stands. */
  get untold(): boolean {
    return !this.#record.told;
  }
  get handled(): number {
    return this.#record.handled ?? 0;
  }
  set handled(seq: number) {
    this.#record = { ...this.#record, handled: seq };
  }
  /** The newest message, perhaps shortened. */
  get last(): WireMessage | undefined {
    return this.#record.last;
  }
  /** What was read and not said on this connection. */
  get unsaidRead(): number | undefined {
    const said = Math.max(this.#record.read, this.saidRead ?? 0);
    if (this.#record.want > said) return this.#record.want;
    return this.repeat && this.saidRead === undefined && said > 0 ? said : undefined;
  }

  /** As it is stored. */
  record(): RoomRecord {
    const { low, doubt, anew } = this;
    const { applied, end } = this.log;
    return { ...this.#record, applied, end, low, doubt, anew, gone: this.#gone.record };
  }

  /** How far a message of one's own has come with the others. */
  tick(seq: number): "sent" | "delivered" | "read" {
    const { all } = this.#record;
    if (seq <= all.read) return "read";
    return seq <= all.delivered ? "delivered" : "sent";
  }

  /** How far another user is, if that is known; a uid may be a name that every object has something under. */
  markOf(user: string): Watermarks | undefined {
    const { marks } = this.#record;
    return Object.hasOwn(marks, user) ? marks[user] : undefined;
  }

  /** The watermarks of others, as far as they are known. */
  get marks(): Readonly<Record<string, Watermarks>> {
    return this.#record.marks;
  }

  /** The server says how the conversation stands. */
  told(head: WireHead): void {
    const { head: end, read, muted, pinned, mode, type } = head;
    const before = this.#record;
    const more = end > before.head || (end === before.head && head.last !== undefined);
    this.#record = {
      ...before,
      type,
      muted,
      pinned,
      mode,
      head: Math.max(end, before.head),
      read: Math.max(read, before.read),
      name: head.peer?.name ?? head.name ?? before.name,
      peer: head.peer?.uid ?? before.peer,
      left: head.left === true,
      told: true,
      last: more ? (newer(before.last, head.last) ?? before.last) : before.last,
    };
    // What was handled and is there no more is not handled when something else takes its place.
    if (this.anew && this.handled > end) this.handled = end;
    this.refused = false;
    this.#prove();
    if (head.peer !== undefined) this.mark(head.peer.uid, head.peer);
    this.#record = { ...this.#record, unread: head.unread, counted: end };
    this.doubt = false;
    if (this.read > read) this.#recount(head.unread);
    this.#countFrom(end);
  }

  /** Somebody's watermarks; those of oneself say what other devices have read. True when something changed. */
  mark(
    user: string,
    { delivered = 0, read = 0 }: { delivered?: number | undefined; read?: number | undefined },
  ): boolean {
    if (user === this.#me) {
      const before = this.read;
      this.#record = { ...this.#record, read: Math.max(read, this.#record.read) };
      if (this.read > before) this.#recount(this.#record.unread);
      return this.read > before;
    }
    const before = this.markOf(user) ?? { delivered: 0, read: 0 };
    const reads = Math.max(read, before.read);
    const now = { delivered: Math.max(delivered, reads, before.delivered), read: reads };
    if (now.delivered === before.delivered && now.read === before.read) return false;
    this.#record = { ...this.#record, marks: { ...this.#record.marks, [user]: now } };
    if (this.#record.type === "direct") this.everyone(now);
    else this.#reach();
    return true;
  }

  /** Every other member has so much. */
  everyone({ delivered, read }: Watermarks): void {
    const { all } = this.#record;
    const reads = Math.max(read, all.read);
    this.#record = { ...this.#record, all: { delivered: Math.max(delivered, reads, all.delivered), read: reads } };
  }

  /** So many others count for the ticks of a group. What was reached with fewer stays reached. */
  set others(count: number) {
    this.#record = { ...this.#record, others: count };
    this.#reach();
  }

  /** What so many have as count is what everyone has. */
  #reach(): void {
    const { others, marks } = this.#record;
    const nth = (mark: keyof Watermarks): number =>
      Object.values(marks)
        .map((one) => one[mark])
        .toSorted((a, b) => b - a)[others - 1] ?? 0;
    this.everyone({ delivered: nth("delivered"), read: nth("read") });
  }

  /** The user has read up to `seq`. True when that is news. */
  readTo(seq: number): boolean {
    if (seq <= this.read) return false;
    this.#record = { ...this.#record, want: seq };
    this.#recount(this.#record.unread);
    return true;
  }

  /** The server has been told what was read, as far as one can know. */
  readSaid(seq: number): void {
    this.#record = { ...this.#record, read: Math.max(seq, this.#record.read) };
  }

  /** The conversation is known to go so far. */
  reaches(seq: number): void {
    if (seq > this.#record.head) this.#record = { ...this.#record, head: seq };
  }

  /** An entry took its place in the log. */
  entry(entry: Entry): void {
    const { from, seq, kind } = entry;
    this.reaches(seq);
    this.#gone.entry(entry);
    const { last } = this.#record;
    if (kind !== "amend") this.#record = { ...this.#record, last: newer(last, entry) };
    else if (last?.seq !== undefined && last.seq === entry.target)
      this.#record = { ...this.#record, last: fold(last, entry) };
    if (from === this.#me) this.#readBySending(entry);
    else this.#count(entry);
    if (this.type === "direct" && from !== this.#me && kind !== "amend") this.mark(from, { read: seq });
    if (kind === "system") this.#system(entry);
  }

  /** Another entry than the one that was known here is at a place. */
  differs(seq: number): void {
    this.#gone.differs(seq);
  }

  /** How much of its log is the one that was there before is not known yet, but will be. */
  get unproven(): boolean {
    return this.#gone.record !== undefined && !this.left && !this.refused;
  }

  /** Nothing that was known of its log is so any more. */
  forget(): void {
    const { type, name, peer, muted, pinned, mode, handled } = this.#record;
    const { applied, end, held } = this.log;
    this.#gone.add([{ seq: applied, id: end }, ...held.map(({ entry }) => entry)]);
    const done = handled !== undefined && { handled: Math.min(handled, this.#gone.cut - 1) };
    this.#record = { ...fresh(this.cid, this.#me), type, name, peer, muted, pinned, mode, ...done };
    this.log.forget();
    this.doubt = false;
    this.anew = true;
    this.restored += 1;
  }

  patch(change: { muted?: boolean | undefined; pinned?: boolean | undefined; name?: string | undefined }): void {
    const { muted = this.muted, pinned = this.pinned, name = this.name } = change;
    this.#record = { ...this.#record, muted, pinned, name };
  }

  /** The log has got further: perhaps what is unread can be counted now. */
  review(): void {
    if (this.doubt) this.#recount(this.#record.unread);
    this.#prove();
  }

  /** What was handled is so as far as the log is still the same. */
  #prove(): void {
    const same = this.#gone.settle(this.log.applied, this.head);
    if (same === undefined) return;
    this.same = same;
    if (this.handled > same) this.handled = same;
  }

  /** Gives the log what is stored. */
  load(held: readonly Held[]): void {
    if (this.loaded) return;
    this.loaded = true;
    this.log.restore(held);
    // What has come since is of the new log.
    if (this.anew) this.#gone.add(held.flatMap(({ entry }) => (entry.seq > this.log.applied ? [entry] : [])));
  }

  #readBySending({ seq, kind }: Entry): void {
    if (seq > this.#record.counted + 1) this.doubt = true;
    if (kind !== "amend" && kind !== "system" && seq > this.read) {
      this.#record = { ...this.#record, read: seq };
      this.#recount(this.#record.unread);
    }
    if (seq > this.#record.counted) this.#record = { ...this.#record, counted: seq };
  }

  #system({ body }: Entry): void {
    const { event, name } = (body ?? {}) as { event?: unknown; name?: unknown };
    if ((event === "renamed" || event === "created") && typeof name === "string") this.patch({ name });
  }

  #count(entry: Entry): void {
    if (entry.seq <= this.#record.counted) return;
    if (entry.seq > this.#record.counted + 1) this.doubt = true;
    const one = countable(entry) && entry.seq > this.read ? 1 : 0;
    this.#record = { ...this.#record, counted: entry.seq, unread: this.#record.unread + one };
  }

  /** Counts what was applied after `seq`, which the server's count does not hold. */
  #countFrom(seq: number): void {
    for (const { entry } of this.log.held) if (entry.seq > seq && entry.from !== this.#me) this.#count(entry);
    if (this.log.applied > this.#record.counted) this.#record = { ...this.#record, counted: this.log.applied };
  }

  /** After the read watermark moved: counts where everything is held. Else `known` stands, and `doubt` says so. */
  #recount(known: number): void {
    const { read } = this;
    const { counted, head } = this.#record;
    const none = read >= Math.max(head, counted);
    const whole = this.loaded && this.log.low <= read + 1 && this.log.applied >= counted;
    this.doubt = !none && !whole;
    const unread = (): number => {
      const { held } = this.log;
      // From the end, since what is not read is nearly always little of much.
      const last = held.findLastIndex(({ entry }) => entry.seq <= read);
      return held.slice(last + 1).filter(({ entry }) => entry.from !== this.#me && countable(entry)).length;
    };
    this.#record = { ...this.#record, unread: none ? 0 : whole ? unread() : known };
  }
}

function newer(before: WireMessage | undefined, next: WireMessage | undefined): WireMessage | undefined {
  if (next === undefined) return before;
  return (next.seq ?? 0) >= (before?.seq ?? 0) ? next : before;
}
