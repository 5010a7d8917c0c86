/**
 * How far the members of a group have got (RCP1): who has an entry and who has read it, and which of it the writers are told. Nothing
 * is kept per message; what is told is on disk before.
 */
import type { Config } from "../../config/config.ts";
import type { Uid } from "../../protocol/ids.ts";
import type { Marks, Position } from "../rpc.ts";
import type { GroupMember, GroupStore } from "./group-store.ts";
import type { Log } from "./log.ts";
import { MarkTable } from "./marks.ts";
import type { Members } from "./members.ts";

/** An alarm writes what senders have read, ten seconds after they wrote or a little later; after so long it has for sure, ms. */
const RECALLED_MS = 60_000;
/** Members read at a time, and in all for one page: whoever asks for more comes again, and appends go in between. */
const PAGE = 1000;
const LOOKED_AT = 5000;

export class GroupReceipts {
  readonly #store: GroupStore;
  readonly #log: Log;
  readonly #members: Members;
  readonly #config: Config["groups"];
  #table: MarkTable | undefined;
  /** Somebody reported what is not on disk; what senders have read is in the log, and waits for the alarm. */
  #reported = false;
  /** Watermarks that rose and were not told to the writers: what they were before. */
  readonly #news = new Map<Uid, Marks>();

  constructor(store: GroupStore, log: Log, members: Members, config: Config["groups"]) {
    this.#store = store;
    this.#log = log;
    this.#members = members;
    this.#config = config;
  }

  /** Read when it is first needed: a group that is only written in needs none of it. */
  get table(): MarkTable {
    this.#table ??= this.#read();
    return this.#table;
  }

  /** Before entries are added: what was written by whom is read again from those that are there. */
  load(): void {
    this.#table ??= this.#read();
  }

  /**
   * What senders have read is not reported by anybody a second time (UNR1): it is in the log. Those of older entries
   * are on disk.
   */
  #read(): MarkTable {
    const table = new MarkTable(this.#store.marks());
    for (const { seq, from, kind } of this.#log.since(this.#log.lastTs - RECALLED_MS)) {
      if (kind === "amend" || kind === "system") continue;
      const member = this.#members.inside(from);
      if (member !== undefined && member.sinceSeq < seq) table.raise(member.slot, { delivered: seq, read: seq });
    }
    return table;
  }

  /** Something that was reported is not on disk. */
  get dirty(): boolean {
    return this.#reported;
  }

  /** There is something to tell the writers. */
  get hasNews(): boolean {
    return this.#news.size > 0;
  }

  /** Writes what changed; before it is told to anybody, because it must not fall again. False: the disk refused. */
  flush(): boolean {
    try {
      this.#table?.flush((chunk, data) => this.#store.saveMarks(chunk, data));
      this.#reported = false;
      return true;
    } catch {
      return false;
    }
  }

  /** A member has written: that was read, and all before it. */
  wrote(member: GroupMember, seq: number): void {
    this.table.raise(member.slot, { delivered: seq, read: seq });
  }

  /** Somebody reports a member's watermarks; `total`: members there are. */
  raise(member: GroupMember, { delivered, read }: Marks, total: number): void {
    const { head } = this.#log;
    const before = this.table.get(member.slot);
    if (!this.table.raise(member.slot, { delivered: Math.min(delivered, head), read: Math.min(read, head) })) return;
    this.#reported = true;
    if (total > this.#config.receipts || this.#news.has(member.uid)) return;
    const writers = this.#log.writers(before.read, this.table.get(member.slot).delivered);
    // Of one's own entries there is nobody to tell, so there is no hurry to write.
    if (writers.size > 1 || (writers.size === 1 && !writers.has(member.uid))) this.#news.set(member.uid, before);
  }

  /** What rose, by the writers whose entries it is about; then told. */
  news(): Map<Uid, ({ user: Uid } & Marks)[]> {
    const found = new Map<Uid, ({ user: Uid } & Marks)[]>();
    for (const [user, before] of this.#news) {
      const member = this.#members.inside(user);
      if (member === undefined) continue;
      const marks = this.table.get(member.slot);
      for (const writer of this.#log.writers(before.read, marks.delivered)) {
        if (writer === user || this.#members.inside(writer) === undefined) continue;
        found.set(writer, [...(found.get(writer) ?? []), { user, ...marks }]);
      }
    }
    this.#news.clear();
    return found;
  }

  /** Of the other members who were there when an entry of `from` was made: how many have it, and have read it. */
  count(seq: number, from: Uid): { delivered: number; read: number; members: number } {
    const found = this.table.count(seq);
    const sender = this.#members.inside(from);
    if (sender === undefined || sender.sinceSeq >= seq) return found;
    const own = this.table.get(sender.slot);
    return {
      delivered: found.delivered - (own.delivered >= seq ? 1 : 0),
      read: found.read - (own.read >= seq ? 1 : 0),
      members: found.members - 1,
    };
  }

  /**
   * The same members by name, who have read it or have not: a page of them in the order of their uids, and where the next begins. In a
   * large group a page may be short, or empty, and not the last.
   */
  list(
    seq: number,
    from: Uid,
    list: "read" | "unread",
    after: Uid | undefined,
    limit: number,
  ): { users: Uid[]; next?: Uid } {
    const users: Uid[] = [];
    for (let last: Uid | "" = after ?? "", seen = PAGE; ; seen += PAGE) {
      const page = this.#store.page(last, PAGE);
      for (const member of page) {
        last = member.uid;
        if (member.uid === from || member.sinceSeq >= seq) continue;
        if (this.table.get(member.slot).read >= seq !== (list === "read")) continue;
        if (users.length === limit) return { users, next: users.at(-1) as Uid };
        users.push(member.uid);
      }
      if (page.length < PAGE) return { users };
      if (seen >= LOOKED_AT) return { users, next: last as Uid };
    }
  }

  /** One member's own, with the countable position of what is read (UNR1). `base`: a position that is known anyway. */
  of(member: GroupMember, base: Position): Marks & { readonly readCount: number } {
    const { delivered, read } = this.table.get(member.slot);
    const { sinceSeq, sinceCount } = member;
    const known = read === base.seq ? base.count : read === sinceSeq ? sinceCount : undefined;
    return { delivered, read, readCount: known ?? this.#log.countAt(read) ?? sinceCount };
  }
}
