/**
 * The end of an account, step by step, on this object's disk. A step may be repeated; whoever dies goes on with the first that may not
 * have been taken. Two rounds: elsewhere the account's tokens are believed, and its name is known, for some seconds more, so all
 * that was there is looked for again when that is over. Then everything goes but that it was there. No clock, no await.
 */
import type { Config } from "../../config/config.ts";
import { directCid, type Cid, type Uid } from "../../protocol/ids.ts";
import type { PushCall, PushReply } from "../rpc.ts";
import type { UserStore } from "./user-store.ts";

export type DeletionStep =
  /** The account in the store, its logins, and whoever watches it. */
  | { readonly do: "account" }
  /** Leave these conversations; `op` is the id of what that does in a group. */
  | { readonly do: "depart"; readonly cids: readonly Cid[]; readonly op: string }
  /** Leave the direct chats with contacts, and with whom a request waits, behind `after`: whose they are the store says. */
  | { readonly do: "contacts"; readonly after: Uid | undefined; readonly limit: number }
  | { readonly do: "wipe" };

/** What the parts of a round are about, in their order; `settle` is the time between the rounds. */
const PARTS = ["account", "blocks", "contacts", "chats"] as const;

interface State {
  /** When it began; from the first round on, when the account was gone in the store. */
  readonly since: number;
  readonly round: 1 | 2;
  readonly part: (typeof PARTS)[number] | "settle" | "wipe" | "done";
  /** Of the part, everything up to here is done. */
  readonly after: string;
}

/** Conversations that are left at once. */
const AT_ONCE = 16;
const SETTING = "deletion";

export class Deletion {
  readonly #uid: Uid;
  readonly #store: UserStore;
  /** Longer than any isolate believes a token or knows a name, with the calls that it makes then. */
  readonly #settleMs: number;
  #state: State | undefined;

  constructor(uid: Uid, store: UserStore, { auth }: Pick<Config, "auth">) {
    this.#uid = uid;
    this.#store = store;
    this.#settleMs = auth.forget_ms;
    const kept = store.setting(SETTING);
    this.#state = kept === undefined ? undefined : (JSON.parse(kept) as State);
    if (this.done) store.seal();
  }

  get begun(): boolean {
    return this.#state !== undefined;
  }

  /** Nothing is left but this. */
  get done(): boolean {
    return this.#state?.part === "done";
  }

  begin(now: number): void {
    if (!this.begun) this.#save({ since: now, round: 1, part: "account", after: "" });
  }

  /** The step to take now; undefined: none before `wakeAt`. */
  next(now: number): DeletionStep | undefined {
    for (let state = this.#state; state !== undefined; state = this.#state) {
      const { round, part, after, since } = state;
      if (part === "account" || part === "wipe") return { do: part };
      if (part === "contacts")
        return { do: "contacts", after: (after || undefined) as Uid | undefined, limit: AT_ONCE };
      if (part === "done" || (part === "settle" && now < since + this.#settleMs)) return undefined;
      if (part === "settle") {
        this.#save({ since, round: 2, part: "account", after: "" });
        continue;
      }
      const cids = this.#listed(part, after);
      if (cids.length > 0) return { do: "depart", cids, op: `account-deleted-${round}` };
      this.#save(further(state));
    }
    return undefined;
  }

  /** A step was taken; `last`: of the contacts, the last that was; undefined: there are no more. */
  took(step: DeletionStep, now: number, last?: Uid): void {
    const state = this.#state;
    if (state === undefined) return;
    if (step.do === "account") return this.#save({ ...further(state), since: now });
    const end = step.do === "depart" ? step.cids.at(-1) : last;
    if (step.do === "wipe") this.#store.wipe(SETTING, JSON.stringify(further(state)));
    else return this.#save(end === undefined ? further(state) : { ...state, after: end });
    this.#state = further(state);
  }

  /** When the object's alarm has to ring; undefined: there is nothing to do any more. `again`: after what failed, ms. */
  wakeAt(now: number, again: number): number | undefined {
    if (this.#state === undefined || this.done) return undefined;
    return this.#state.part === "settle" ? Math.max(now, this.#state.since + this.#settleMs) : now + again;
  }

  /** Conversations of a part, in the order of their ids. */
  #listed(part: "blocks" | "chats", after: string): Cid[] {
    if (part === "chats") return this.#store.chats(after, AT_ONCE);
    const cids = this.#store.blocks().map((peer) => directCid(this.#uid, peer));
    const behind = cids.toSorted((a, b) => (a < b ? -1 : 1)).filter((cid) => cid > after);
    return behind.slice(0, AT_ONCE);
  }

  #save(state: State): void {
    this.#store.setSetting(SETTING, JSON.stringify(state));
    this.#state = state;
  }
}

/** The part after this one. */
function further(state: State): State {
  const next = PARTS[PARTS.findIndex((part) => part === state.part) + 1];
  if (state.part === "wipe") return { ...state, part: "done", after: "" };
  return { ...state, part: next ?? (state.round === 1 ? "settle" : "wipe"), after: "" };
}

/** A push to an account that is no more: nobody is waited for. */
export function takenByNobody({ entries, membership }: PushCall): PushReply {
  const all = Math.max(entries.at(-1)?.seq ?? 0, membership?.at ?? 0);
  return { have: all, taken: all, online: false };
}
