/** What a group says to the edge, to its members' objects and to its relays: plain data and interfaces. */
import type { Result } from "../lib/result.ts";
import type { Refusal } from "../protocol/codes.ts";
import type { Cid, DeviceId, Uid } from "../protocol/ids.ts";
import type { Entry, Marks, Position, Signal } from "./rpc.ts";

/** How entries reach the members: pushed to each member's object, or multicast by relays to the devices that are connected. */
export type Mode = "push" | "pull";

export type Role = "owner" | "admin" | "member";

/** What an owner or admin may change of a group. */
export interface GroupChange {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly announcement?: string | undefined;
  /** `open`: who knows the id may join. `invite`: owner and admins add. */
  readonly join?: "open" | "invite" | undefined;
  /** What a new member sees: everything from the own joining on, or the whole log. */
  readonly history?: "join" | "all" | undefined;
  /** Only owner and admins write: a group for announcements. */
  readonly read_only?: boolean | undefined;
  /** Nobody but owner and admins writes, for now. */
  readonly muted?: boolean | undefined;
}

/** A group as its members see it. */
export interface GroupCard {
  readonly id: Cid;
  readonly name: string;
  readonly description: string;
  readonly announcement: string;
  readonly owner: Uid;
  /** ms since the epoch. */
  readonly created: number;
  readonly members: number;
  readonly join: "open" | "invite";
  readonly history: "join" | "all";
  readonly read_only: boolean;
  readonly muted: boolean;
  readonly mode: Mode;
  /** Of the member who asks. */
  readonly role: Role;
}

export interface MemberView {
  readonly user: Uid;
  readonly role: Role;
  /** ms since the epoch; 0 = not muted. */
  readonly muted_until: number;
}

/** What becomes of an operation; a refusal changed nothing. */
export type Done<T> = Promise<Result<T, Refusal>>;

/** How far a group is for one member, as its object is told when it asks. */
export interface GroupHead {
  readonly head: number;
  /** Countable entries up to `head`, and up to `read`. */
  readonly count: number;
  readonly delivered: number;
  readonly read: number;
  readonly readCount: number;
  /** The newest entry that is no amendment, if it is among the last few hundred. */
  readonly last?: Entry | undefined;
  readonly name: string;
  readonly mode: Mode;
  readonly relays: number;
}

/** What a member's object has to know of a group: goes with every push. */
export interface Membership {
  readonly name: string;
  readonly mode: Mode;
  /** Relays among which the members' devices spread, in pull mode. */
  readonly relays: number;
  /** The first entry that is this member's to see. */
  readonly first: number;
  /** The head when this was said: calls can overtake each other, and what is older changes nothing. */
  readonly at: number;
  /**
   * Where pushing begins for this member: entries up to here are from before the joining, or were handed to the devices by
   * relays. An object that knows less goes on from here; no hole is announced.
   */
  readonly base: Position;
  /** The member's own watermarks, when it has to be told more than entries. */
  readonly marks?: (Marks & { readonly readCount: number }) | undefined;
  /** The newest of the entries up to `base` that are this member's to see, likewise: for lists of conversations. */
  readonly last?: Entry | undefined;
  /** The membership ended with this entry: nothing after it is this member's. */
  readonly left?: number | undefined;
}

/**
 * Group operations of `ConversationObject`. `uid` is who asks. `op` is an id that makes a repetition harmless: it becomes the id of
 * the system entry, and the same op gives the same answer for as long as ids are known (DUP1). `not_member` for who is none (SEC1).
 */
export interface GroupRpc {
  /** Makes the group `cid` with its owner and members (without the owner, no doubles, all existing users). Repeatable. */
  createGroup(owner: Uid, name: string, change: Omit<GroupChange, "name">, members: readonly Uid[]): Done<GroupCard>;
  card(uid: Uid): Done<GroupCard>;
  change(uid: Uid, op: string, change: GroupChange): Done<GroupCard>;
  /** Members in the order of their uids, after one. */
  members(uid: Uid, after: Uid | undefined, limit: number): Done<{ members: MemberView[]; next?: Uid }>;
  /** Adds users who exist; `already_exists` names those who are members, `invalid_argument` who stand there twice. */
  add(uid: Uid, op: string, users: readonly Uid[]): Done<GroupCard>;
  /** Joins an open group. */
  join(uid: Uid, op: string): Done<GroupCard>;
  /** Removes a member, or leaves when `target` is `uid`. */
  remove(uid: Uid, op: string, target: Uid): Done<void>;
  /** Changes a role (`owner` hands the group over), or mutes until a time in ms (0 = no longer). */
  setMember(
    uid: Uid,
    op: string,
    target: Uid,
    change: { role?: Role | undefined; muted_until?: number | undefined },
  ): Done<MemberView>;
  dismiss(uid: Uid, op: string): Done<void>;
  /** How many of the other members who may see the entry have it, and have read it. */
  receipts(uid: Uid, seq: number): Done<{ delivered: number; read: number; members: number }>;
  /** The other members who have read the entry, or have not, in the order of their uids. */
  receiptList(
    uid: Uid,
    seq: number,
    list: "read" | "unread",
    after: Uid | undefined,
    limit: number,
  ): Done<{ users: Uid[]; next?: Uid }>;
  /** Tells whoever is online; refused quietly for who may not write. */
  signal(uid: Uid, signal: Signal): Promise<void>;
  /** A member's object reports watermarks (RCP1). False: not a member, or the disk refused. */
  mark(uid: Uid, delivered: number, read: number): Promise<boolean>;
  /** Members whose objects ask how far the group is. */
  headOf(uid: Uid): Done<GroupHead>;
  /** A relay asks whether a user's device may listen from `after` on. Whoever is admitted gets what follows `head` by multicast. */
  admit(relay: number, uid: Uid, after: number): Done<Admission>;
  /** A relay reports watermarks of many members. */
  marks(relay: number, marks: readonly ({ readonly user: Uid } & Marks)[]): Promise<void>;
}

export interface Admission {
  readonly head: number;
  /** All entries after `after` up to `head`; undefined when they are too many: the hole is announced. */
  readonly entries: readonly RelayedEntry[] | undefined;
  /** The group is not in pull mode: its entries after `head` come by push. */
  readonly push: boolean;
  /** Relays there are now. */
  readonly relays: number;
}

/** An entry with the device that sent it: to that device it is the answer to its `send`. */
export interface RelayedEntry extends Entry {
  readonly device: DeviceId;
}

/** A multicast to one relay. */
export interface MulticastCall {
  readonly cid: Cid;
  /** The relay had everything up to here when it last answered; undefined after a restart of the group: nobody knows. */
  readonly from: number | undefined;
  /** Ascending and contiguous after `from`; empty: only tells how far the group is. */
  readonly entries: readonly RelayedEntry[];
  /** Entries between `from` and the first were left out: the relay is too far behind, and starts its links anew. */
  readonly skip: boolean;
  /** Who is no member after an entry at this seq: gets that entry and nothing that follows. Who came back may stand here, too. */
  readonly gone: readonly { readonly uid: Uid; readonly seq: number }[];
  /** The group ended with this entry: everybody has left with it. */
  readonly over?: number | undefined;
  readonly head: number;
  /** The group went to push mode: what follows this seq does not come by relays. */
  readonly end?: number | undefined;
}

export interface MulticastReply {
  /** The newest entry that the relay has handed to its links. */
  readonly have: number;
  /** Links there are; a relay without any is not called any more until it asks to admit somebody. */
  readonly links: number;
}

/** Methods of `RelayObject`, addressed by `<cid>#<n>`, beside the relay link that `fetch` opens. Keeps nothing durable. */
export interface RelayRpc {
  multicast(call: MulticastCall): Promise<MulticastReply>;
  /** Something for whoever is connected, kept nowhere; not to the user that it is from, whose own object tells the other devices. */
  cast(frame: string, from: Uid): Promise<void>;
}
