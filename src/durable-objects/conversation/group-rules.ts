/**
 * What a group is, and who may change what of it. Each `plan…` says what an operation makes of the group: the system entries it
 * adds to the log, the new state, the memberships that change; or why it is refused. Pure: changes nothing.
 */
import { err, ok, type Result } from "../../lib/result.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import type { Uid } from "../../protocol/ids.ts";
import type { ListedGroup } from "../../store/directory.ts";
import type { GroupCard, GroupChange, Mode, Role } from "../group-rpc.ts";
import type { Draft, Position } from "../rpc.ts";
import type { GroupMember } from "./group-store.ts";

/** Everything of a group that is not in its log or a member's row; one row of JSON. */
export interface GroupState {
  readonly name: string;
  readonly description: string;
  readonly announcement: string;
  readonly join: "open" | "invite";
  readonly history: "join" | "all";
  readonly read_only: boolean;
  readonly muted: boolean;
  readonly created: number;
  readonly owner: Uid;
  readonly members: number;
  /** The next member's slot. */
  readonly nextSlot: number;
  /** Members with slots below this know that they are members, and the mode. */
  readonly toldSlot: number;
  /** Somebody has left who is not forgotten yet. */
  readonly leaving: boolean;
  readonly mode: Mode;
  readonly relays: number;
  /** Where pushing began when the group last went to push mode. */
  readonly pushSince: Position;
  /** The last entry that was pushed before the group last went to pull mode. */
  readonly pullSince: number;
  /** Memberships that ended with these entries and began again before every relay knew (SEC1). */
  readonly gone: readonly { readonly uid: Uid; readonly seq: number }[];
  /** The entry that ended the group; 0 = it goes on. */
  readonly dismissed: number;
}

/** What an operation does: `events` become system entries, in order; `members` are the rows that change. */
export interface Plan {
  readonly events: readonly object[];
  readonly state: GroupState;
  readonly members: readonly GroupMember[];
  /** Everybody's membership ends. */
  readonly endAll?: true;
}

/** Who asks for something, and where the log ends now: the entries of a plan follow it. */
export interface Asked {
  readonly state: GroupState;
  readonly me: GroupMember;
  readonly end: Position;
}

type Members = (uid: Uid) => GroupMember | undefined;

/** A system entry names at most so many characters of uids, so that its body keeps to 16 KiB. */
const NAMED = 12_000;

/** A new group: everybody in it from the first entry on. */
export function planCreate(
  owner: Uid,
  name: string,
  change: Omit<GroupChange, "name">,
  others: readonly Uid[],
  place: { readonly now: number; readonly relayMembers: number },
): Plan {
  const uids = [owner, ...others];
  const members = uids.map((uid, slot): GroupMember => {
    const role = slot === 0 ? "owner" : "member";
    return { uid, role, floor: 0, sinceSeq: 0, sinceCount: 0, mutedUntil: 0, slot, takenSeq: 0, leftSeq: 0 };
  });
  const state: GroupState = {
    name,
    description: change.description ?? "",
    announcement: change.announcement ?? "",
    join: change.join ?? "invite",
    history: change.history ?? "join",
    read_only: change.read_only ?? false,
    muted: change.muted ?? false,
    created: place.now,
    owner,
    members: uids.length,
    nextSlot: uids.length,
    toldSlot: 0,
    leaving: false,
    mode: "push",
    relays: relaysFor(uids.length, place.relayMembers),
    pushSince: { seq: 0, count: 0 },
    pullSince: 0,
    gone: [],
    dismissed: 0,
  };
  const events = [{ event: "created", name }, ...named(others).map((users) => ({ event: "member_added", users }))];
  return { events, state, members };
}

/** Name, texts and rules: owner and admins. A change to what is so already is none. */
export function planChange({ state, me }: Asked, change: GroupChange): Result<Plan, Refusal> {
  if (me.role === "member") return err(refuse("permission_denied", "only the owner and admins change a group"));
  const changed = Object.fromEntries(
    Object.entries(change).filter(([key, value]) => value !== undefined && state[key as keyof GroupState] !== value),
  );
  const { name: _, ...rest } = changed;
  const events: object[] = [];
  if ("name" in changed) events.push({ event: "renamed", name: change.name });
  if (Object.keys(rest).length > 0) events.push({ event: "changed", ...rest });
  return ok({ events, state: { ...state, ...changed }, members: [] });
}

/** Owner and admins add members; in an open group everybody may. */
export function planAdd(
  { state, me, end }: Asked,
  users: readonly Uid[],
  memberOf: Members,
  limits: { readonly members: number; readonly relay_members: number },
): Result<Plan, Refusal> {
  if (me.role === "member" && state.join !== "open") {
    return err(refuse("permission_denied", "only the owner and admins add members"));
  }
  if (users.length === 0) return err(refuse("invalid_argument", "users: at least one"));
  if (state.members + users.length > limits.members) {
    return err(refuse("invalid_argument", `users: a group has at most ${limits.members} members`));
  }
  const seen = new Set<Uid>();
  const twice = users.filter((uid) => seen.size === seen.add(uid).size);
  if (twice.length > 0) return err(refuse("invalid_argument", `users: more than once: ${listed(twice)}`));
  const inside = users.filter((uid) => memberOf(uid)?.leftSeq === 0);
  if (inside.length > 0) return err(refuse("already_exists", `members already: ${listed(inside)}`));
  const events = named(users).map((some) => ({ event: "member_added", users: some }));
  return ok(admitted(state, users, end, limits, events));
}

/** Who knows an open group may join it. To others a group that is not open does not exist (SEC1). */
export function planJoin(
  state: GroupState,
  uid: Uid,
  end: Position,
  limits: { readonly members: number; readonly relay_members: number },
): Result<Plan, Refusal> {
  if (state.join !== "open") return err(refuse("not_member", "not a member"));
  if (state.members >= limits.members) return err(refuse("permission_denied", "this group is full"));
  return ok(admitted(state, [uid], end, limits, [{ event: "member_joined", users: [uid] }]));
}

function admitted(
  state: GroupState,
  users: readonly Uid[],
  end: Position,
  limits: { readonly relay_members: number },
  events: readonly object[],
): Plan {
  const total = state.members + users.length;
  const floor = state.history === "all" ? 0 : end.seq;
  const members = users.map((uid, i): GroupMember => ({
    uid,
    role: "member",
    floor,
    sinceSeq: end.seq,
    sinceCount: end.count,
    mutedUntil: 0,
    slot: state.nextSlot + i,
    takenSeq: end.seq,
    leftSeq: 0,
  }));
  const nextSlot = state.nextSlot + users.length;
  const relays = relaysFor(total, limits.relay_members, state.relays);
  return { events, state: { ...state, members: total, nextSlot, relays }, members };
}

/** Leaving is everybody's right but the owner's, who hands the group over or dismisses it; removing goes down the ranks only. */
export function planRemove({ state, me, end }: Asked, target: GroupMember): Result<Plan, Refusal> {
  if (target.uid === me.uid && me.role === "owner") {
    return err(refuse("permission_denied", "the owner cannot leave: hand the group over first, or dismiss it"));
  }
  if (target.uid !== me.uid && !above(me.role, target.role)) {
    return err(refuse("permission_denied", "you cannot remove this member"));
  }
  const event = { event: "member_removed", users: [target.uid] };
  return ok({
    events: [event],
    state: { ...state, members: state.members - 1, leaving: true },
    members: [{ ...target, leftSeq: end.seq + 1 }],
  });
}

/** Roles are the owner's to give; `owner` hands the group over. */
export function planRole({ state, me }: Asked, target: GroupMember, role: Role): Result<Plan, Refusal> {
  if (me.role !== "owner") return err(refuse("permission_denied", "only the owner gives roles"));
  if (target.role === role) return ok({ events: [], state, members: [] });
  if (target.uid === me.uid) return err(refuse("permission_denied", "hand the group over to another member instead"));
  if (role === "owner") {
    return ok({
      events: [{ event: "owner_changed", user: target.uid }],
      state: { ...state, owner: target.uid },
      members: [
        { ...target, role, mutedUntil: 0 },
        { ...me, role: "admin" },
      ],
    });
  }
  return ok({ events: [{ event: "role_changed", user: target.uid, role }], state, members: [{ ...target, role }] });
}

/** `until` in ms; 0 = no longer. */
export function planMute({ state, me }: Asked, target: GroupMember, until: number): Result<Plan, Refusal> {
  if (!above(me.role, target.role)) return err(refuse("permission_denied", "you cannot mute this member"));
  if (target.mutedUntil === until) return ok({ events: [], state, members: [] });
  const event = { event: "member_muted", user: target.uid, until };
  return ok({ events: [event], state, members: [{ ...target, mutedUntil: until }] });
}

/** The end of the group, for everybody. */
export function planDismiss({ state, me, end }: Asked): Result<Plan, Refusal> {
  if (me.role !== "owner") return err(refuse("permission_denied", "only the owner dismisses a group"));
  const dismissed = end.seq + 1;
  return ok({
    events: [{ event: "dismissed" }],
    state: { ...state, dismissed, members: 0, leaving: true },
    members: [],
    endAll: true,
  });
}

/** Why a member may not write now. What one has written one may always take back. */
export function silenced(state: GroupState, me: GroupMember, now: number, op?: Draft["op"]): Refusal | undefined {
  if (op === "recall" || me.role !== "member") return undefined;
  if (me.mutedUntil > now) return refuse("muted", "you are muted in this group", me.mutedUntil - now);
  if (state.muted) return refuse("muted", "this group is muted");
  if (state.read_only) return refuse("permission_denied", "only the owner and admins write in this group");
  return undefined;
}

/** The card as one member sees it. */
export function cardOf(id: GroupCard["id"], state: GroupState, role: Role): GroupCard {
  const { name, description, announcement, owner, created, members, join, history, read_only, muted, mode } = state;
  return { id, name, description, announcement, owner, created, members, join, history, read_only, muted, mode, role };
}

/** What the directory of groups says of it, when its log ends at `version`. */
export function listingOf(id: GroupCard["id"], state: GroupState, version: number): ListedGroup {
  const { name, owner, members, join, dismissed } = state;
  return { id, name, owner, members, open: join === "open", dismissed: dismissed > 0, version };
}

/** One relay for so many members; a number that is half or double of what it should be stays, so that devices need not move. */
export function relaysFor(members: number, each: number, now = 0): number {
  const wanted = Math.max(1, Math.ceil(members / each));
  return now >= wanted && now <= 2 * wanted ? now : wanted;
}

const RANK = { owner: 2, admin: 1, member: 0 } as const;

function above(mine: Role, theirs: Role): boolean {
  return RANK[mine] > RANK[theirs];
}

/** Users in portions that one system entry can name. */
function named(users: readonly Uid[]): Uid[][] {
  const portions: Uid[][] = [];
  let left = 0;
  for (const uid of users) {
    if (left < uid.length + 3) {
      portions.push([]);
      left = NAMED;
    }
    portions.at(-1)?.push(uid);
    left -= uid.length + 3;
  }
  return portions;
}

/** A few of many ids, for a message. */
function listed(users: readonly Uid[]): string {
  const some = users.slice(0, 20).join(", ");
  return users.length > 20 ? `${some} and ${users.length - 20} more` : some;
}
