/** Groups: making one, listing one's own, adding members. What is only asked of the group itself is in the routes. */
import { err, ok, type Result } from "../../../lib/result.ts";
import type { GroupCard, GroupChange } from "../../../durable-objects/group-rpc.ts";
import type { Refusal } from "../../../protocol/codes.ts";
import { makeUlid, type Cid, type Uid } from "../../../protocol/ids.ts";
import type { Services } from "../../env.ts";
import { membersBeside, onlyOnce, refuseUsers, type UsersRefusal } from "../group-rules.ts";
import { ask, askFor } from "./ask.ts";
import { claimed } from "./idempotency.ts";
import type { KeyedServices } from "./keyed.ts";
import { veiled } from "./membership.ts";
import type { Random } from "./random.ts";

export interface NewGroup extends Omit<GroupChange, "name" | "muted"> {
  readonly name: string;
  readonly members?: readonly Uid[] | undefined;
}

/**
 * Makes a group. With an idempotency key a repetition finds the group that the first request made, as it is now; the same key
 * with another request is refused with `id_conflict`.
 */
export async function createGroup(
  services: KeyedServices,
  owner: Uid,
  input: NewGroup,
  key: string | undefined,
  now: number,
  random: Random,
): Promise<Result<GroupCard, UsersRefusal>> {
  const { name, members: named, description, announcement, join, history, read_only } = input;
  const members = membersBeside(owner, named, services.config.groups.members);
  if (!members.ok) return members;
  const fresh = `g.${makeUlid(now, random(16))}` as Cid;
  const change = { description, announcement, join, history, read_only };
  // `null` stands for what was not given: JSON has no undefined in arrays.
  const request = [name, named, description, announcement, join, history, read_only];
  const cid = await claimed(services, ["createGroup", owner], key, request, fresh, now);
  if (!cid.ok) return cid;
  if (cid.value !== fresh) {
    // Repeated: the group is there, unless the first request was cut off. Members may have gone since, so none is looked up.
    const made = await askFor(() => services.conversation(cid.value).card(owner));
    if (made.ok || made.error.code !== "not_member") return made;
  }
  const known = await onlyKnown(services, members.value);
  if (!known.ok) return known;
  return veiled(await askFor(() => services.conversation(cid.value).createGroup(owner, name, change, members.value)));
}

/** One's groups, newest change first. One that was left meanwhile is left out, so a page may be short. */
export async function listGroups(
  services: Services,
  uid: Uid,
  cursor: string | undefined,
  limit: number,
): Promise<Result<{ groups: GroupCard[]; next?: string }, Refusal>> {
  const page = await ask(() => services.user(uid).groups(cursor, limit));
  if (!page.ok) return page;
  const { cids, next } = page.value;
  const cards = await Promise.all(cids.map((cid) => askFor(() => services.conversation(cid).card(uid))));
  const groups: GroupCard[] = [];
  for (const card of cards) {
    if (card.ok) groups.push(card.value);
    else if (card.error.code !== "not_member") return card;
  }
  return ok(next === undefined ? { groups } : { groups, next });
}

/** Adds users. Who does not exist is found out here, since groups know no users but their members. */
export async function addMembers(
  services: Services,
  uid: Uid,
  op: string,
  cid: Cid,
  users: readonly Uid[],
): Promise<Result<GroupCard, UsersRefusal>> {
  const once = onlyOnce(users);
  if (!once.ok) return once;
  const known = await onlyKnown(services, users);
  if (!known.ok) return known;
  return veiled(await askFor(() => services.conversation(cid).add(uid, op, users)));
}

async function onlyKnown(services: Services, users: readonly Uid[]): Promise<Result<void, UsersRefusal>> {
  if (users.length === 0) return ok(undefined);
  const names = await services.users.names(users);
  const unknown = users.filter((uid) => !names.has(uid));
  return unknown.length === 0 ? ok(undefined) : err(refuseUsers("not_found", "no such users", unknown));
}
