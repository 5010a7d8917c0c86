/** What a group may be called and told, and who may be named as its members. */
import { z } from "@hono/zod-openapi";
import { err, ok, type Result } from "../../lib/result.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import { kindOf, Cid, Uid } from "../../protocol/ids.ts";
import { line, prose } from "./text-rules.ts";

/** Users that one request may name: with the longest ids there are, they fit a body of 64 KiB. */
export const USERS_AT_ONCE = 900;
/** Users that a message names; all of them stand in `details`. */
const USERS_IN_MESSAGE = 10;

export const GroupId = Cid.refine((cid) => kindOf(cid) === "group", "not the id of a group");

/** What owner and admins set. */
export const settings = {
  description: prose(2048).optional(),
  announcement: prose(4096).optional(),
  join: z.enum(["open", "invite"]).optional(),
  history: z.enum(["join", "all"]).optional(),
  read_only: z.boolean().optional(),
};

export const GroupName = line(128);

export const Users = z.array(Uid).min(1).max(USERS_AT_ONCE);

/** A refusal because of some users, who are named. */
export interface UsersRefusal extends Refusal {
  readonly users?: readonly Uid[];
}

/** A refusal whose message ends with the users it is about. */
export function refuseUsers(code: Refusal["code"], what: string, users: readonly Uid[]): UsersRefusal {
  const rest = users.length - USERS_IN_MESSAGE;
  const named = users.slice(0, USERS_IN_MESSAGE).join(", ");
  return { ...refuse(code, `${what}: ${named}${rest > 0 ? ` and ${rest} more` : ""}`), users };
}

/** Refuses users who are named more than once. */
export function onlyOnce(users: readonly Uid[]): Result<readonly Uid[], UsersRefusal> {
  const doubles = new Set(users.filter((uid, i) => users.indexOf(uid) !== i));
  return doubles.size === 0 ? ok(users) : err(refuseUsers("invalid_argument", "named more than once", [...doubles]));
}

/**
 * The members of a new group beside its owner, who may be named among them, once. Who is given a list names somebody else in
 * it: a group of its owner alone has no list. `most` counts the owner.
 */
export function membersBeside(
  owner: Uid,
  named: readonly Uid[] | undefined,
  most: number,
): Result<readonly Uid[], UsersRefusal> {
  if (named === undefined) return ok([]);
  const once = onlyOnce(named);
  if (!once.ok) return once;
  const others = named.filter((uid) => uid !== owner);
  if (others.length === 0) return err(refuse("invalid_argument", "members: a group has at least two members"));
  if (others.length >= most) return err(refuse("invalid_argument", `members: a group has at most ${most} members`));
  return ok(others);
}
