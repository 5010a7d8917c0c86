/**
 * What the objects say to each other and to the edge: plain data and the two interfaces.
 * Times are ms since the epoch; `body` is JSON text, made once at the edge and spliced, never parsed, on the way.
 */
import type { Refusal } from "../protocol/codes.ts";
import type { HeadView, Kind, Op } from "../protocol/frames.ts";
import type { Cid, DeviceId, Uid } from "../protocol/ids.ts";
import type { Result } from "../lib/result.ts";
import type { Verification } from "./conversation/verify.ts";
import type { ContactRpc } from "./contact-rpc.ts";
import type { GroupRpc, Membership } from "./group-rpc.ts";
import type { Amended } from "./message-json.ts";

/** One entry of a conversation's log. Whatever it says at its seq is so for ever, but for text that a recall erases. */
export interface Entry {
  readonly seq: number;
  readonly id: string;
  readonly from: Uid;
  readonly ts: number;
  readonly kind: Kind;
  /** JSON text; "" = none. */
  readonly body: string;
  readonly priority: number;
  /** How many countable entries the log holds up to and with this one: unread counts are differences of it (UNR1). */
  readonly count: number;
  readonly reply_to?: number | undefined;
  readonly mentions?: readonly Uid[] | undefined;
  readonly target?: number | undefined;
  readonly op?: Op | undefined;
}

type Rare = Pick<Entry, "reply_to" | "mentions" | "target" | "op">;

/** The fields that most messages lack; a field that is there and undefined would travel like any other. */
export function rareOf({ reply_to, mentions, target, op }: Rare): Rare {
  if (reply_to === undefined && mentions === undefined && target === undefined && op === undefined) return {};
  return { reply_to, mentions, target, op };
}

/** What a device asks to put into the log. */
export interface Draft {
  readonly id: string;
  readonly device: DeviceId;
  readonly kind: Kind;
  readonly body: string;
  readonly priority: number;
  readonly qos: 1 | 2;
  readonly reply_to?: number | undefined;
  readonly mentions?: readonly Uid[] | undefined;
  readonly target?: number | undefined;
  readonly op?: Op | undefined;
}

export type DraftResult =
  | { readonly id: string; readonly seq: number; readonly ts: number; readonly duplicate?: true }
  | { readonly id: string; readonly refusal: Refusal };

/** Watermarks of one member (RCP1). */
export interface Marks {
  readonly delivered: number;
  readonly read: number;
}

/** A place in a log: a seq and its countable position. */
export type Position = Pick<Entry, "seq" | "count">;

export interface AppendReply {
  /** One for each draft, in their order. */
  readonly results: readonly DraftResult[];
  /**
   * What the caller's object lacked: ascending, contiguous, ending at `head`, or in pull mode where pushing ended; the first may be
   * above `have + 1`.
   */
  readonly entries: readonly Entry[];
  /** The caller's newest countable entry of those left out, if any were. */
  readonly own?: Position | undefined;
  readonly head: number;
  /** Watermarks that the other of a direct chat sent along. */
  readonly marks?: Marks | undefined;
  /** True: no safety alarm stands behind these entries, so the caller writes its head before it answers (DUR3). */
  readonly settled: boolean;
  /** True: relays hand this group's entries to the devices; in this reply are those from before, with `membership`. */
  readonly pull?: boolean | undefined;
  /** In a group whose caller has not been told everything of its membership yet. */
  readonly membership?: Membership | undefined;
}

/** A push of entries to one member. */
export interface PushCall {
  readonly cid: Cid;
  /** Ascending and contiguous. */
  readonly entries: readonly Entry[];
  /** True: the receiver writes its head before it replies. */
  readonly settle: boolean;
  /** True: entries below the first were left out on purpose; the receiver announces the hole and goes on. */
  readonly skip: boolean;
  /** The receiver's newest countable entry of those left out, if any were. */
  readonly own?: Position | undefined;
  /** In a group: what the receiver has to know of it beside the entries. */
  readonly membership?: Membership | undefined;
}

export interface PushReply {
  /** The highest seq below which the receiver lacks nothing. */
  readonly have: number;
  /** The part of `have` that is on the receiver's disk: *taken* (DUR3). */
  readonly taken: number;
  /** In a direct chat whose writer waits for this reply: the receiver's watermarks, which go with the writer's reply. */
  readonly marks?: Marks | undefined;
  /** Whether a device of the receiver is connected. */
  readonly online?: boolean | undefined;
}

export interface PageQuery {
  /** Exclusive bounds; `after` wins over `before`. */
  readonly after?: number | undefined;
  readonly before?: number | undefined;
  /** 1–200. */
  readonly limit: number;
}

export interface Page {
  /** JSON texts of `MessageView`, ascending. */
  readonly messages: readonly string[];
  readonly head: number;
  readonly more: boolean;
}

/** What a conversation says of entries that a search has found. */
export interface Confirmed {
  /** Entries up to here are not this member's. */
  readonly floor: number;
  /** What amendments have made of those that it knows better than the store. */
  readonly amended: readonly { readonly seq: number; readonly amended: Amended }[];
}

/** Some of a user's conversations: those whose last change is in a range of versions. */
export interface Recency {
  /** Excluded; undefined: no bound. */
  readonly below?: number | undefined;
  /** Included; undefined: the newest of them, as many as are asked for. */
  readonly from?: number | undefined;
}

export interface Searchable {
  /** Each above its floor. */
  readonly where: readonly { readonly cid: Cid; readonly floor: number }[];
  /** There are older ones: below this. */
  readonly from?: number;
}

/** Something that is told to whoever is online and kept nowhere. */
export type Signal =
  | { readonly t: "typing"; readonly cid: Cid; readonly user: Uid; readonly on: boolean }
  | { readonly t: "message"; readonly cid: Cid; readonly user: Uid; readonly frame: string }
  | { readonly t: "receipts"; readonly cid: Cid; readonly of: readonly ({ readonly user: Uid } & Marks)[] }
  | { readonly t: "presence"; readonly user: Uid; readonly online: boolean; readonly lastSeen: number };

/** Methods of `ConversationObject`, addressed by cid. */
export interface ConversationRpc extends GroupRpc, ContactRpc {
  /** Puts drafts of one member into the log. `have`: what the caller's object knows without a gap; `taken`: what of it is on its disk. */
  append(uid: Uid, have: number, taken: number, drafts: readonly Draft[]): Promise<AppendReply>;
  /** Forgets QoS 2 ids of a sender (DUP1). */
  release(uid: Uid, ids: readonly string[]): Promise<void>;
  /** One page of history, amendments applied. */
  page(uid: Uid, query: PageQuery): Promise<Result<Page, Refusal>>;
  /** Asked before anything that a search has found is shown; refused for who is no member now. */
  confirm(uid: Uid, seqs: readonly number[]): Promise<Result<Confirmed, Refusal>>;
  /** How many countable entries the log holds up to and with `seq`; refused beyond the head. */
  count(uid: Uid, seq: number): Promise<Result<number, Refusal>>;
  /** Compares the entries after one with what the store has of them; refused with `not_found` where there is no conversation. */
  verify(after: number): Promise<Result<Verification, Refusal>>;
  /** `uid` blocks, or no longer blocks, the other user of this direct chat. */
  block(uid: Uid, on: boolean): Promise<void>;
  /**
   * The account of `uid` is deleted. A group is left, by its owner to an heir or, if there is none, for its end; in a direct chat the
   * other reads on, and writes no more. `op` is an id for what that does. May be repeated; nothing for who is no member.
   */
  depart(uid: Uid, op: string): Promise<void>;
}

/** A device of a user; times in ms. */
export interface DeviceState {
  readonly id: DeviceId;
  readonly name: string;
  readonly platform: string;
  readonly firstSeen: number;
  /** When it was connected last: now, if it is. */
  readonly lastSeen: number;
  readonly online: boolean;
  /** Absent: it came with a token of another issuer. */
  readonly login?: string;
}

/** Methods of `UserObject`, addressed by uid, beside the link that `fetch` opens. */
export interface UserRpc {
  push(call: PushCall): Promise<PushReply>;
  /** The peer of a direct chat reports its watermarks (RCP1). True, once they are on disk; false: this chat is not known. */
  receipt(cid: Cid, from: Uid, delivered: number, read: number): Promise<boolean>;
  /** False: nobody of this user is connected. */
  signal(signal: Signal): Promise<boolean>;
  /** `by` wants this user's presence from now on, or no longer; the answer is the state now. */
  watch(by: Uid, on: boolean): Promise<{ readonly online: boolean; readonly lastSeen: number }>;
  /** This user's conversations, newest change first; `cursor` from the page before. */
  conversations(cursor: string | undefined, limit: number): Promise<{ heads: HeadView[]; next?: string }>;
  /** Conversations that this user may search in, newest change first. */
  searchable(recency: Recency, limit: number): Promise<Searchable>;
  /** This user's groups, newest change first; `cursor` from the page before. */
  groups(cursor: string | undefined, limit: number): Promise<{ cids: Cid[]; next?: string }>;
  /**
   * How many of the others of a direct chat, who is one, have an entry, and have read it, as this user's object knows; refused
   * with `invalid_argument` beyond the head, and with `not_member` for conversations of others. A system conversation has no others.
   */
  peerMarks(cid: Cid, seq: number): Promise<Result<{ delivered: number; read: number; members: number }, Refusal>>;
  /** Settings of one conversation; refused with `not_found` when this user has no such conversation. */
  setConversation(
    cid: Cid,
    change: { muted?: boolean | undefined; pinned?: boolean | undefined },
  ): Promise<Result<HeadView, Refusal>>;
  blocks(): Promise<Uid[]>;
  /** Blocks or unblocks; returns when the user's own object and the direct chat both know. */
  setBlock(other: Uid, on: boolean): Promise<void>;
  /** Ends the connections of one login (all of them when `login` is undefined) with 4401, and forgets its devices. */
  endSessions(login: string | undefined): Promise<void>;
  /** This user's devices whose logins may still be there. */
  devices(): Promise<DeviceState[]>;
  /** `endSessions` for each of these logins; the same for these devices, if they came with tokens of another issuer. */
  endDevices(logins: readonly string[], devices: readonly DeviceId[]): Promise<void>;
  /** Begins to delete this user's account if `begin` says so; whether that has begun. From then on nothing stops it. */
  remove(begin: boolean): Promise<boolean>;
}
