/** A server of two-person chats and groups as PROTOCOL.md promises it, small enough to be read; its links are queues. */
import { fold } from "../../../client/src/core/fold.ts";
import { timeOf } from "../../../client/src/core/ulid.ts";
import type { ClientFrame, Entry, ServerFrame, WireHead, WireMessage } from "../../../client/src/wire.ts";

export interface Chance {
  /** True once in `n`. */
  once(n: number): boolean;
  /** Nothing is refused for overload. */
  readonly calm: boolean;
  /** Now and then something is refused for good, and an answer is never given; and frames have to be short. */
  readonly harsh?: boolean;
}

interface Member {
  delivered: number;
  read: number;
  version: number;
}

interface Chat {
  readonly cid: string;
  readonly log: Entry[];
  readonly members: Map<string, Member>;
}

/** One connection, as the server sees it. */
export interface Link {
  readonly down: ServerFrame[];
  /** The end of an answer to `hello`, which messages may overtake. */
  late: ServerFrame[];
  user: string;
  device: string;
  open: boolean;
  /** Why it was closed. */
  code: number;
}

const HEARTBEAT = 30;
const LIMITS = { frame: 65_536, batch: 128, body: 16_384, rate: 1e6, burst: 1e6, window: 512 };

export class FakeServer {
  readonly chats = new Map<string, Chat>();
  readonly #links = new Set<Link>();
  readonly #chance: Chance;
  readonly limits: typeof LIMITS;
  /** Ids that it need not know any more, and that nobody may send again. */
  readonly #released = new Set<string>();
  #version = 0;
  now = 1_000;

  constructor(chance: Chance) {
    this.#chance = chance;
    this.limits = chance.harsh === true ? { ...LIMITS, frame: 2_000 } : LIMITS;
  }

  chat(cid: string, users: readonly string[]): Chat {
    const found = this.chats.get(cid) ?? { cid, log: [], members: new Map() };
    this.chats.set(cid, found);
    for (const user of users) {
      if (!found.members.has(user)) found.members.set(user, { delivered: 0, read: 0, version: 0 });
    }
    return found;
  }

  /** The server is put back to what it was when its logs ended so. Versions follow the clock: they go on. */
  restore(ends: (cid: string) => number): void {
    for (const link of this.#links) this.drop(link);
    for (const chat of this.chats.values()) {
      chat.log.splice(ends(chat.cid));
      for (const member of chat.members.values()) {
        member.delivered = Math.min(member.delivered, chat.log.length);
        member.read = Math.min(member.read, chat.log.length);
        member.version = 0;
      }
    }
  }

  connect(): Link {
    const link: Link = { down: [], late: [], user: "", device: "", open: true, code: 4409 };
    this.#links.add(link);
    return link;
  }

  drop(link: Link): void {
    link.open = false;
    this.#links.delete(link);
  }

  /** The messages of a chat as their reader sees them now. */
  view(cid: string): Entry[] {
    const log = this.chats.get(cid)?.log ?? [];
    return log.flatMap((entry) => {
      if (entry.kind === "amend") return [];
      return [log.filter(({ target }) => target === entry.seq).reduce((message, amend) => fold(message, amend), entry)];
    });
  }

  unread(cid: string, user: string): number {
    const chat = this.chats.get(cid);
    const read = chat?.members.get(user)?.read ?? 0;
    return (chat?.log ?? []).filter(({ seq, from, kind }) => seq > read && from !== user && kind !== "amend").length;
  }

  /** What was held back goes out. */
  flush(link: Link): void {
    link.down.push(...link.late.splice(0));
  }

  /** A message arrives; one that is too long is not read. */
  take(link: Link, text: string): readonly ClientFrame[] {
    const parsed = JSON.parse(text) as ClientFrame | ClientFrame[];
    if (text.length <= this.limits.frame) return Array.isArray(parsed) ? parsed : [parsed];
    link.code = 4413;
    this.drop(link);
    return [];
  }

  receive(link: Link, frame: ClientFrame): void {
    if (!link.open) return;
    switch (frame.t) {
      case "hello":
        return this.#hello(link, frame);
      case "send":
        return this.#append(link, frame.to, frame.id, { kind: frame.kind, body: frame.body });
      case "amend":
        return this.#append(link, frame.cid, frame.id, {
          kind: "amend",
          target: frame.target,
          op: frame.op,
          body: frame.body,
        });
      case "ack":
        return this.#mark(link, frame.cid, { delivered: frame.seq });
      case "read":
        return this.#mark(link, frame.cid, { delivered: frame.seq, read: frame.seq });
      case "sync":
        return this.#sync(link, frame.since, frame.req);
      case "pull":
        return this.#pull(link, frame);
      case "release":
        for (const id of frame.ids) this.#released.add(id);
        link.down.push({ t: "released", ids: frame.ids });
        return undefined;
      case "ping":
        link.down.push({ t: "pong", ...(frame.n !== undefined && { n: frame.n }), ts: this.now });
        return undefined;
      default:
        return undefined;
    }
  }

  #hello(link: Link, frame: ClientFrame & { t: "hello" }): void {
    link.user = frame.token;
    link.device = frame.device.id;
    for (const other of this.#links) {
      if (other !== link && other.user === link.user && other.device === link.device) this.drop(other);
    }
    const { user, device } = link;
    link.down.push({
      t: "welcome",
      session: "s",
      user,
      device,
      version: this.#version,
      ts: this.now,
      heartbeat: HEARTBEAT,
      limits: this.limits,
    });
    this.#sync(link, frame.since ?? 0, undefined);
  }

  #sync(link: Link, since: number, req: string | undefined): void {
    const { user } = link;
    const heads = [...this.chats.values()].flatMap((chat) => {
      const member = chat.members.get(user);
      return member !== undefined && chat.log.length > 0 && member.version > since ? [this.#head(chat, user)] : [];
    });
    const frames: ServerFrame[] = heads.map((head) => ({ t: "heads", version: 0, heads: [head] }));
    frames.push({ t: "synced", ...(req !== undefined && { req }), version: this.#version });
    // Only the first answer may be overtaken: a later one is about what is told in order.
    if (since === 0 && this.#chance.once(2)) link.late.push(...frames);
    else link.down.push(...frames);
  }

  #head(chat: Chat, user: string): WireHead {
    const member = chat.members.get(user) as Member;
    const peer = [...chat.members].find(([other]) => other !== user);
    const direct = chat.cid.startsWith("d.");
    return {
      cid: chat.cid,
      type: direct ? "direct" : "group",
      head: chat.log.length,
      read: member.read,
      unread: this.unread(chat.cid, user),
      version: member.version,
      muted: false,
      pinned: false,
      mode: "push",
      last: this.view(chat.cid).at(-1),
      ...(direct && peer !== undefined
        ? { peer: { uid: peer[0], name: peer[0], delivered: peer[1].delivered, read: peer[1].read } }
        : { name: "group" }),
    };
  }

  #append(link: Link, cid: string, id: string, content: Partial<Entry> & Pick<Entry, "kind">): void {
    const chat = this.chats.get(cid);
    const error = (code: string): void => {
      link.down.push({ t: "error", code, message: code, ref: id, retry_after: 50, request_id: "r" });
    };
    if (chat === undefined || !chat.members.has(link.user)) return error("not_member");
    const known = chat.log.find((entry) => entry.id === id && entry.from === link.user && !this.#released.has(id));
    if (known !== undefined) {
      link.down.push({ t: "sent", id, cid, seq: known.seq, ts: known.ts, duplicate: true });
      return;
    }
    if (timeOf(id) < this.now - 86_400_000) return error("id_expired");
    if (!this.#chance.calm && this.#chance.once(12)) return error("overloaded");
    if (this.#chance.harsh === true && this.#chance.once(12)) return error("blocked");
    const refused = this.#refuses(chat, link.user, content);
    if (refused !== undefined) return error(refused);
    const seq = chat.log.length + 1;
    const entry: Entry = { cid, seq, id, from: link.user, ts: this.now, priority: 1, ...content };
    chat.log.push(entry);
    this.#version += 1;
    for (const member of chat.members.values()) member.version = this.#version;
    const sender = chat.members.get(link.user) as Member;
    if (content.kind !== "amend") sender.read = sender.delivered = seq;
    if (this.#chance.harsh !== true || !this.#chance.once(20))
      link.down.push({ t: "sent", id, cid, seq, ts: entry.ts });
    for (const other of this.#links) {
      if (other !== link && chat.members.has(other.user)) this.#hand(other, entry, chat);
    }
    // Who writes has read what came before.
    if (content.kind !== "amend") this.#receipts(chat, link.user, sender);
  }

  #refuses(chat: Chat, user: string, { kind, target = 0, op }: Partial<Entry>): string | undefined {
    if (kind !== "amend") return undefined;
    const at = this.view(chat.cid).find(({ seq }) => seq === target);
    if (at === undefined || at.recalled) return "not_found";
    return (op === "edit" || op === "recall") && at.from !== user ? "permission_denied" : undefined;
  }

  /** Sometimes a device is told the head only, as when its window is full. */
  #hand(link: Link, entry: Entry, chat: Chat): void {
    if (this.#chance.once(15)) {
      link.down.push({ t: "heads", version: this.#version, heads: [this.#head(chat, link.user)] });
      return;
    }
    link.down.push({ t: "message", ...(entry as WireMessage), version: this.#version });
  }

  #mark(link: Link, cid: string, { delivered = 0, read = 0 }: Partial<Member>): void {
    const chat = this.chats.get(cid);
    const member = chat?.members.get(link.user);
    if (chat === undefined || member === undefined) return;
    if (Math.max(delivered, read) > chat.log.length) {
      link.down.push({ t: "error", code: "invalid_argument", message: "", ref: cid, request_id: "r" });
      return;
    }
    const before = { ...member };
    member.delivered = Math.max(member.delivered, delivered);
    member.read = Math.max(member.read, read);
    if (before.delivered === member.delivered && before.read === member.read) return;
    this.#version += 1;
    for (const one of chat.members.values()) one.version = this.#version;
    this.#receipts(chat, link.user, member);
  }

  #receipts(chat: Chat, user: string, { delivered, read }: Member): void {
    for (const link of this.#links) {
      if (chat.members.has(link.user) && delivered > 0) {
        link.down.push({ t: "receipt", cid: chat.cid, user, delivered, ...(read > 0 && { read }) });
      }
    }
  }

  #pull(link: Link, { req, cid, after, before, limit = 50 }: ClientFrame & { t: "pull" }): void {
    const chat = this.chats.get(cid);
    if (chat === undefined || this.#chance.once(10)) {
      const code = chat === undefined ? "not_member" : "unavailable";
      link.down.push({ t: "error", code, message: code, ref: req, retry_after: 30, request_id: "r" });
      return;
    }
    const view = new Map(this.view(cid).map((entry) => [entry.seq, entry]));
    const all = chat.log.map((entry) => view.get(entry.seq) ?? entry);
    const most = this.#chance.once(3) ? Math.min(limit, 3) : limit;
    const found =
      after !== undefined
        ? all.filter(({ seq }) => seq > after).slice(0, most)
        : all.filter(({ seq }) => seq < (before ?? Infinity)).slice(-most);
    const more = after !== undefined ? (found.at(-1)?.seq ?? after) < all.length : (found[0]?.seq ?? before ?? 1) > 1;
    link.down.push({ t: "page", req, cid, messages: found, head: all.length, more });
  }
}
