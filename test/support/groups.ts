/** People and their groups, through the HTTP API inside the runtime. */
import { vi } from "vitest";
import type { GroupCard, MemberView, Role } from "../../src/durable-objects/group-rpc.ts";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import { PATIENCE_MS } from "./device.ts";
import { account, call, type Answer, type Call } from "./http.ts";

export interface Person {
  readonly uid: Uid;
  readonly token: string;
}

/** No group has it. */
export const NO_GROUP = `g.${"0".repeat(26)}` as Cid;

/** Somebody with an account and a login. */
export async function person(): Promise<Person> {
  const { user, token } = await account();
  return { uid: user.id as Uid, token };
}

/** A request of somebody. */
export const as = (who: Person, line: string, json?: unknown, more: Call = {}): Promise<Answer> =>
  call(line, { ...more, token: who.token, ...(json !== undefined && { json }) });

export const groupOf = ({ json, text }: Answer): GroupCard => {
  if (json["group"] === undefined) throw new Error(`no group: ${text}`);
  return json["group"] as GroupCard;
};

/** A new group; returns its id. */
export async function group(owner: Person, members: readonly Person[] = [], more: object = {}): Promise<Cid> {
  const named = members.length === 0 ? {} : { members: members.map(({ uid }) => uid) };
  return groupOf(await as(owner, "POST /v1/groups", { name: "Group", ...named, ...more })).id;
}

/** Gives a member a role. */
export async function appoint(owner: Person, cid: Cid, who: Person, role: Role): Promise<void> {
  const answer = await as(owner, `PATCH /v1/groups/${cid}/members/${who.uid}`, { role });
  if (answer.status !== 200) throw new Error(`not appointed: ${answer.text}`);
}

/** A group as one of its members sees it: card and members. */
export async function stateOf(who: Person, cid: Cid): Promise<{ card: GroupCard; members: MemberView[] }> {
  const card = groupOf(await as(who, `GET /v1/groups/${cid}`));
  const page = await as(who, `GET /v1/groups/${cid}/members?limit=1000`);
  return { card, members: page.json["members"] as MemberView[] };
}

/** Ids of the groups that somebody is shown, in their order. */
export async function listed(who: Person, query = ""): Promise<string[]> {
  const answer = await as(who, `GET /v1/groups${query}`);
  return (answer.json["groups"] as GroupCard[]).map(({ id }) => id);
}

/** What `probe` gives once it passes `test`: pushes come after the answer that caused them. */
export async function once<T>(probe: () => Promise<T>, test: (value: T) => boolean): Promise<T> {
  return vi.waitFor(
    async () => {
      const value = await probe();
      if (!test(value)) throw new Error(`still ${JSON.stringify(value)}`);
      return value;
    },
    { timeout: PATIENCE_MS, interval: 50 },
  );
}

/** All of a refusal that its request did not bring along: what a stranger may compare. */
export function shown({ status, json, headers }: Answer): string {
  const { request_id: _, ...error } = json["error"] as Record<string, unknown>;
  return JSON.stringify([status, error, [...headers].filter(([name]) => name !== "x-request-id")]);
}

/** Names of the fields that a refusal complains of. */
export function fieldsOf({ json }: Answer): string[] {
  const { details } = json["error"] as { details?: { fields?: { field: string }[] } };
  return (details?.fields ?? []).map(({ field }) => field);
}

/** Users that a refusal names. */
export function usersOf({ json }: Answer): string[] | undefined {
  return (json["error"] as { details?: { users?: string[] } }).details?.users;
}

/** The message of a refusal. */
export function messageOf({ json }: Answer): string {
  return (json["error"] as { message: string }).message;
}
