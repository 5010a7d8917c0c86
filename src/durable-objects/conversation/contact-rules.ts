/**
 * What two users are to each other, and what becomes of it by what they do (CON1). One state for the pair, from which both sides are
 * derived, so they cannot differ. Pure.
 */
import { err, ok, type Result } from "../../lib/result.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import type { Uid } from "../../protocol/ids.ts";
import type { Contact } from "../../store/contacts.ts";
import type { ContactOperation } from "../contact-rpc.ts";

export interface Pair {
  readonly state: "none" | "asked" | "contacts";
  /** Who asked and has no answer yet; "" in the other states. */
  readonly by: Uid | "";
  /** What the one who asked said; "" = nothing. */
  readonly message: string;
  /** When the state began, ms. */
  readonly since: number;
  /** Grows with every change; follows the clock. */
  readonly version: number;
  /** Until when, ms, who asked in vain cannot ask again. */
  readonly waits: Readonly<Record<Uid, number>>;
}

/** Two users who never had to do with each other. */
export const STRANGERS: Pair = { state: "none", by: "", message: "", since: 0, version: 0, waits: {} };

/** Something that a user has to be told. */
export interface Notice {
  readonly to: Uid;
  readonly body: {
    readonly event: "contact_request" | "contact_accepted";
    readonly user: Uid;
    readonly message?: string;
  };
}

export interface Change {
  /** The same object as before when nothing changes. */
  readonly pair: Pair;
  readonly notice?: Notice;
}

/** Who does something, to whom, and what is so at the time. */
export interface Asking {
  readonly me: Uid;
  readonly peer: Uid;
  /** `me` takes nothing from `peer`, and the other way round. */
  readonly blocks: boolean;
  readonly blocked: boolean;
  readonly now: number;
  /** How long who asked in vain waits before asking again, ms. */
  readonly again: number;
}

const NO_REQUEST = refuse("not_found", "no request of this user waits for an answer");

/** What becomes of a pair by an operation of one of the two. */
export function decide(pair: Pair, operation: ContactOperation, asking: Asking): Result<Change, Refusal> {
  const { me, peer, now } = asking;
  switch (operation.do) {
    case "request":
      return request(pair, operation.message, asking);
    case "accept":
      if (pair.state === "contacts") return ok({ pair });
      return pair.by === peer ? ok(agreed(pair, me, peer, now)) : err(NO_REQUEST);
    case "reject":
      return pair.by === peer ? ok({ pair: inVain(pair, asking) }) : err(NO_REQUEST);
    case "remove":
      if (pair.state === "none") return ok({ pair });
      return ok({ pair: pair.state === "asked" ? inVain(pair, asking) : next(pair, { state: "none", by: "" }, now) });
  }
}

/** One blocks the other: a request between them ends, whoever asked. Contacts stay contacts. */
export function blocked(pair: Pair, at: Pick<Asking, "now" | "again">): Pair {
  return pair.state === "asked" ? inVain(pair, at) : pair;
}

/** The account of one of the two is deleted. */
export function departed(pair: Pair, now: number): Pair {
  return pair.state === "none" ? pair : next(pair, { state: "none", by: "", waits: {} }, now);
}

/** The pair as the store has it, from the side of `uid`. */
export function sideOf(pair: Pair, uid: Uid, peer: Uid): Contact {
  const { state, by, message, since, version } = pair;
  const shown = state === "contacts" ? "contact" : state === "none" ? "none" : by === uid ? "requested" : "incoming";
  return { uid, peer, state: shown, message, since, version };
}

function request(pair: Pair, message: string, asking: Asking): Result<Change, Refusal> {
  const { me, peer, now } = asking;
  // What is wanted is so already, or has been asked for.
  if (pair.state === "contacts" || pair.by === me) return ok({ pair });
  if (asking.blocked) return err(refuse("blocked", "this user takes no requests from you"));
  if (asking.blocks) return err(refuse("permission_denied", "you block this user"));
  // Both ask: both want it.
  if (pair.by === peer) return ok(agreed(pair, me, peer, now));
  const wait = (pair.waits[me] ?? 0) - now;
  if (wait > 0) return err(refuse("rate_limited", "not again so soon", wait));
  const body = { event: "contact_request", user: me, ...(message !== "" && { message }) } as const;
  return ok({ pair: next(pair, { state: "asked", by: me, message }, now), notice: { to: peer, body } });
}

/** `peer` asked, `me` is the one who says yes. */
function agreed(pair: Pair, me: Uid, peer: Uid, now: number): Change {
  const body = { event: "contact_accepted", user: me } as const;
  return { pair: next(pair, { state: "contacts", by: "", waits: {} }, now), notice: { to: peer, body } };
}

/** A request ends without being accepted. */
function inVain(pair: Pair, { now, again }: Pick<Asking, "now" | "again">): Pair {
  const waits = pair.by === "" ? pair.waits : { ...pair.waits, [pair.by]: now + again };
  return next(pair, { state: "none", by: "", waits }, now);
}

function next(pair: Pair, change: Partial<Pair> & Pick<Pair, "state" | "by">, now: number): Pair {
  return { ...pair, message: "", ...change, since: now, version: Math.max(pair.version + 1, now) };
}
