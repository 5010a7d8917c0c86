/**
 * What may be asked of a group, from who asks to what is answered: the membership of the asker first (SEC1), then a repetition, then
 * the plan and its commit. Pure; the shell lends its clock, and pumps lanes afterwards.
 */
import { hashHex } from "../../lib/hash.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import type { Uid } from "../../protocol/ids.ts";
import type { Config } from "../../config/config.ts";
import type { GroupCard, GroupChange, GroupHead, MemberView, Role } from "../group-rpc.ts";
import { NOT_MEMBER, type Conversation } from "./conversation.ts";
import type { Group } from "./group.ts";
import {
  planAdd,
  planChange,
  planDismiss,
  planJoin,
  planMute,
  planRemove,
  planRole,
  silenced,
  type Asked,
  type Plan,
} from "./group-rules.ts";
import type { GroupMember } from "./group-store.ts";

const NO_SUCH_MEMBER = refuse("not_found", "no such member");

/** Makes a group; made already by the same request, it is answered again. */
export function createGroup(
  core: Conversation,
  owner: Uid,
  name: string,
  change: Omit<GroupChange, "name">,
  others: readonly Uid[],
  place: { readonly op: string; readonly shard: string },
  limits: Config["groups"],
  now: number,
): Result<GroupCard, Refusal> {
  const hash = requestHash("create", name, change, others);
  if (core.group !== undefined) {
    const mine = core.member(owner);
    if (!mine.ok) return mine;
    // What made it has a hash as long as it is in the log; later the claim alone tells that this is the same request.
    const here = core.log.first === 1;
    if (here && core.log.row(1)?.hash !== hash) return err(refuse("already_exists", "there is such a group"));
    return ok(mine.value.group.card(mine.value.me));
  }
  if (others.length + 1 > limits.members) {
    return err(refuse("invalid_argument", `a group has at most ${limits.members} members`));
  }
  if (new Set([owner, ...others]).size <= others.length) {
    return err(refuse("invalid_argument", "members: somebody stands there twice"));
  }
  core.createGroup(owner, name, change, others, { ...place, hash }, now);
  return card(core, owner);
}

export function card(core: Conversation, uid: Uid): Result<GroupCard, Refusal> {
  const mine = core.member(uid);
  return mine.ok ? ok(mine.value.group.card(mine.value.me)) : mine;
}

export function changeGroup(
  core: Conversation,
  uid: Uid,
  op: string,
  change: GroupChange,
  now: number,
): Result<GroupCard, Refusal> {
  const done = operate(core, uid, op, ["change", change], now, (asked) => planChange(asked, change));
  return done.ok ? card(core, uid) : done;
}

export function add(
  core: Conversation,
  uid: Uid,
  op: string,
  users: readonly Uid[],
  limits: Config["groups"],
  now: number,
): Result<GroupCard, Refusal> {
  const done = operate(core, uid, op, ["add", users], now, (asked, group) =>
    planAdd(asked, users, (user) => group.members.get(user), limits),
  );
  return done.ok ? card(core, uid) : done;
}

/** Joining what one is in already changes nothing. */
export function join(
  core: Conversation,
  uid: Uid,
  op: string,
  limits: Config["groups"],
  now: number,
): Result<GroupCard, Refusal> {
  const { group } = core;
  if (group === undefined || group.state.dismissed > 0) return err(NOT_MEMBER);
  const hash = requestHash("join");
  // Who joined by this very request and was removed since does not join again by its repetition.
  const known = group.known(uid, op, hash);
  if (known !== undefined) return known.ok ? card(core, uid) : known;
  if (group.members.inside(uid) === undefined) {
    const plan = planJoin(group.state, uid, core.log.end, limits);
    if (!plan.ok) return plan;
    group.commit(uid, op, hash, plan.value, now);
  }
  return card(core, uid);
}

export function remove(core: Conversation, uid: Uid, op: string, target: Uid, now: number): Result<void, Refusal> {
  return operate(core, uid, op, ["remove", target], now, (asked, group) => {
    const other = group.members.inside(target);
    return other === undefined ? err(NO_SUCH_MEMBER) : planRemove(asked, other);
  });
}

export function setMember(
  core: Conversation,
  uid: Uid,
  op: string,
  target: Uid,
  change: { role?: Role | undefined; muted_until?: number | undefined },
  now: number,
): Result<MemberView, Refusal> {
  const done = operate(core, uid, op, ["set", target, change], now, (asked, group) => {
    const other = group.members.inside(target);
    if (other === undefined) return err(NO_SUCH_MEMBER);
    // The mute is judged by the ranks as they were before.
    const role = change.role === undefined ? ok(nothing(asked)) : planRole(asked, other, change.role);
    const mute = change.muted_until === undefined ? ok(nothing(asked)) : planMute(asked, other, change.muted_until);
    if (!role.ok || !mute.ok) return role.ok ? mute : role;
    return ok(joined(role.value, mute.value));
  });
  if (!done.ok) return done;
  const mine = core.member(uid);
  if (!mine.ok) return mine;
  const member = mine.value.group.members.inside(target);
  return member === undefined ? err(NO_SUCH_MEMBER) : ok(viewOf(member));
}

export function dismiss(core: Conversation, uid: Uid, op: string, now: number): Result<void, Refusal> {
  return operate(core, uid, op, ["dismiss"], now, (asked) => planDismiss(asked));
}

/** The account of `uid` is deleted. Who owned a group leaves it to an heir; alone in it, to nobody. */
export function depart(core: Conversation, uid: Uid, op: string, now: number): Result<void, Refusal> {
  if (core.group === undefined) return ok(core.depart(uid, now));
  const mine = core.member(uid);
  if (!mine.ok) return ok(undefined);
  const { group, me } = mine.value;
  if (me.role === "owner") {
    const heir = group.members.heir(uid);
    if (heir === undefined) return dismiss(core, uid, op, now);
    const handed = setMember(core, uid, `${op}-heir`, heir.uid, { role: "owner" }, now);
    if (!handed.ok) return handed;
  }
  return remove(core, uid, op, uid, now);
}

/** Members in the order of their uids, after one. */
export function memberPage(
  core: Conversation,
  uid: Uid,
  after: Uid | undefined,
  limit: number,
): Result<{ members: MemberView[]; next?: Uid }, Refusal> {
  const mine = core.member(uid);
  return mine.ok ? ok(mine.value.group.memberPage(after, limit)) : mine;
}

export function receipts(
  core: Conversation,
  uid: Uid,
  seq: number,
): Result<{ delivered: number; read: number; members: number }, Refusal> {
  const entry = visible(core, uid, seq);
  return entry.ok ? ok(entry.value.group.receipts.count(seq, entry.value.from)) : entry;
}

export function receiptList(
  core: Conversation,
  uid: Uid,
  seq: number,
  list: "read" | "unread",
  after: Uid | undefined,
  limit: number,
): Result<{ users: Uid[]; next?: Uid }, Refusal> {
  const entry = visible(core, uid, seq);
  return entry.ok ? ok(entry.value.group.receipts.list(seq, entry.value.from, list, after, limit)) : entry;
}

export function headOf(core: Conversation, uid: Uid): Result<GroupHead, Refusal> {
  const mine = core.member(uid);
  return mine.ok ? ok(mine.value.group.headOf(mine.value.me)) : mine;
}

/** Whom something of the moment is for. Who may not write is not heard either; typing is off where members are many. */
export function audience(core: Conversation, uid: Uid, now: number): readonly Uid[] | "relays" {
  const mine = core.member(uid);
  if (!mine.ok || silenced(mine.value.group.state, mine.value.me, now) !== undefined) return [];
  const { group } = mine.value;
  group.signalled(now);
  // What goes past the lanes could reach somebody who has left before the relay knows: then it reaches nobody (SEC1).
  if (group.pull && group.lingering) return [];
  // Lanes are kept for who is leaving, too: nothing of this is theirs any more.
  return group.pull ? "relays" : core.members.filter((other) => other !== uid && group.members.inside(other));
}

/** An entry that a member may see, and who made it. What is told of it is on disk first (RCP1). */
function visible(core: Conversation, uid: Uid, seq: number): Result<{ group: Group; from: Uid }, Refusal> {
  const mine = core.member(uid);
  if (!mine.ok) return mine;
  const { group, me } = mine.value;
  if (seq > core.head) return err(refuse("invalid_argument", "seq is beyond the head"));
  const row = seq > me.floor ? core.log.row(seq) : undefined;
  if (row === undefined && seq > me.floor && seq >= 1 && seq < core.log.first)
    return err(refuse("unavailable", "try again", 1000));
  if (row === undefined) return err(refuse("not_found", "no such message"));
  if (!group.receipts.flush()) return err(refuse("unavailable", "try again", 1000));
  return ok({ group, from: row.from });
}

export function viewOf({ uid, role, mutedUntil }: GroupMember): MemberView {
  return { user: uid, role, muted_until: mutedUntil };
}

function operate(
  core: Conversation,
  uid: Uid,
  op: string,
  request: readonly unknown[],
  now: number,
  plan: (asked: Asked, group: Group) => Result<Plan, Refusal>,
): Result<void, Refusal> {
  const hash = requestHash(...request);
  // Before the membership: who has left may ask again to leave.
  const known = core.group?.known(uid, op, hash);
  if (known !== undefined) return known;
  const mine = core.member(uid);
  if (!mine.ok) return mine;
  const { group, me } = mine.value;
  const planned = plan({ state: group.state, me, end: core.log.end }, group);
  if (!planned.ok) return planned;
  if (planned.value.events.length > 0) group.commit(uid, op, hash, planned.value, now);
  return ok(undefined);
}

function nothing({ state }: Asked): Plan {
  return { events: [], state, members: [] };
}

/** A new role and a mute of one member as one commit. */
function joined(role: Plan, mute: Plan): Plan {
  const [muted] = mute.members;
  const both = role.members.map((member) =>
    member.uid === muted?.uid ? { ...member, mutedUntil: muted.mutedUntil } : member,
  );
  const members = both.length > 0 ? both : mute.members;
  return { events: [...role.events, ...mute.events], state: role.state, members };
}

/** What makes two requests the same. */
function requestHash(...parts: readonly unknown[]): string {
  return hashHex(JSON.stringify(parts));
}
