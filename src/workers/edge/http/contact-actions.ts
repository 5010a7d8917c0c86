/** Contacts: asking, answering, ending, listing. What becomes of an operation the chat of the two decides, not the store. */
import { err, ok, type Result } from "../../../lib/result.ts";
import type { ContactOperation, ContactView } from "../../../durable-objects/contact-rpc.ts";
import { refuse, type Refusal } from "../../../protocol/codes.ts";
import { directCid, makeUlid, type Uid } from "../../../protocol/ids.ts";
import type { ContactState } from "../../../store/contacts.ts";
import type { User } from "../../../store/store.ts";
import type { Services } from "../../env.ts";
import { askFor } from "./ask.ts";
import { claimed } from "./idempotency.ts";
import type { KeyedServices } from "./keyed.ts";
import type { Random } from "./random.ts";

export interface Listed extends Omit<ContactView, "state"> {
  readonly user: User;
  readonly state: Exclude<ContactState, "none">;
}

const NO_USER = refuse("not_found", "no such user");

/**
 * Asks a user. With an idempotency key a repetition has the outcome of the first request; the same key with another request, or for
 * another user, is refused with `id_conflict`.
 */
export async function requestContact(
  services: KeyedServices,
  uid: Uid,
  input: { readonly user: Uid; readonly message: string },
  key: string | undefined,
  now: number,
  random: Random,
): Promise<Result<ContactView & { readonly user: User }, Refusal>> {
  const { user: peer, message } = input;
  if (peer === uid) return err(refuse("invalid_argument", "user: oneself"));
  const op = await claimed(services, ["requestContact", uid], key, [peer, message], makeUlid(now, random(16)), now);
  if (!op.ok) return op;
  const user = await services.users.find(peer);
  if (user === undefined || user.deleted > 0) return err(NO_USER);
  const done = await operate(services, uid, peer, op.value, { do: "request", message });
  return done.ok ? ok({ ...done.value, user }) : done;
}

/** Accepts a user's request. */
export async function acceptContact(
  services: Services,
  uid: Uid,
  peer: Uid,
  op: string,
): Promise<Result<ContactView & { readonly user: User }, Refusal>> {
  const user = await services.users.find(peer);
  if (user === undefined || user.deleted > 0) return err(NO_USER);
  const done = await operate(services, uid, peer, op, { do: "accept" });
  return done.ok ? ok({ ...done.value, user }) : done;
}

/** An operation about another user, who need not exist if nothing is asked of them. */
export async function operate(
  services: Services,
  uid: Uid,
  peer: Uid,
  op: string,
  operation: ContactOperation,
): Promise<Result<ContactView, Refusal>> {
  if (peer === uid) return err(refuse("invalid_argument", "uid: oneself"));
  return askFor(() => services.conversation(directCid(uid, peer)).contact(uid, op, operation));
}

/** One's contacts and requests, in the order of the users' ids: two queries, however many. One whose account is gone is left out. */
export async function listContacts(
  { store, users }: Services,
  uid: Uid,
  after: Uid | undefined,
  limit: number,
  state: Listed["state"] | undefined,
): Promise<{ contacts: Listed[]; next?: Uid }> {
  const rows = await store.contacts.list(uid, after, limit + 1, state);
  const shown = rows.slice(0, limit);
  const found = await users.findMany(shown.map(({ peer }) => peer));
  const contacts = shown.flatMap(({ peer, state: at, message, since }) => {
    const user = found.get(peer);
    return user === undefined || user.deleted > 0 || at === "none" ? [] : [{ user, state: at, message, since }];
  });
  const last = shown.at(-1);
  return rows.length > limit && last !== undefined ? { contacts, next: last.peer } : { contacts };
}
