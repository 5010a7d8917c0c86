/**
 * What the two users of a direct chat are to each other, on this object's disk, and the steps by which others learn of it: the store's
 * row of each side, then whom it concerns. The steps are persisted with the change; each may be repeated, so whoever dies between two
 * goes on where it may have been. No clock, no await.
 */
import type { Config } from "../../config/config.ts";
import { hashHex } from "../../lib/hash.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import { directPair, type Cid, type Uid } from "../../protocol/ids.ts";
import type { Contact } from "../../store/contacts.ts";
import type { ContactOperation, ContactView } from "../contact-rpc.ts";
import { blocked, decide, departed, sideOf, STRANGERS, type Notice, type Pair } from "./contact-rules.ts";
import type { ContactStore, Kept } from "./contact-store.ts";

export type ContactStep =
  | { readonly do: "put"; readonly contact: Contact }
  | { readonly do: "tell"; readonly notice: Notice & { readonly id: string } };

const NOBODY: Kept = { pair: STRANGERS, stored: {}, notices: [] };

export class Contacts {
  readonly #pair: readonly [Uid, Uid];
  readonly #config: Config;
  readonly #store: ContactStore;
  #kept: Kept | undefined;
  /** Whose row goes first: who waits for it. */
  #first: Uid;

  /** Reads nothing before it is asked. */
  constructor(cid: Cid, config: Config, store: ContactStore) {
    this.#pair = directPair(cid);
    this.#first = this.#pair[0];
    this.#config = config;
    this.#store = store;
  }

  /** The two are contacts. */
  get agreed(): boolean {
    return this.#now.pair.state === "contacts";
  }

  /** Nobody has to learn anything. */
  get idle(): boolean {
    return this.next() === undefined;
  }

  /** An operation of one of the two. Throws when the disk refuses; then nothing has changed. */
  operate(
    uid: Uid,
    op: string,
    operation: ContactOperation,
    blocks: (uid: Uid) => boolean,
    now: number,
  ): Result<ContactView, Refusal> {
    const peer = this.#other(uid);
    const hash = hashHex(JSON.stringify(operation));
    const known = this.#store.operation(op);
    if (known !== undefined && (known.uid !== uid || known.hash !== hash)) {
      return err(refuse("id_conflict", "this id was used for another request"));
    }
    this.#first = uid;
    if (known !== undefined) return ok(this.#view(uid));
    const { pair } = this.#now;
    const asking = {
      me: uid,
      peer,
      blocks: blocks(uid),
      blocked: blocks(peer),
      now,
      again: this.#config.contacts.again_ms,
    };
    const decided = decide(pair, operation, asking);
    if (!decided.ok) return decided;
    const { pair: after, notice } = decided.value;
    const kept = after === pair ? undefined : this.#with(after, notice && { ...notice, id: op });
    const { dedup_ms } = this.#config.messages;
    this.#store.commit(kept, { id: op, uid, hash }, now, now - dedup_ms);
    if (kept !== undefined) this.#kept = kept;
    return ok(this.#view(uid));
  }

  /** `uid` blocks the other, and hears nothing more of that one. */
  blocked(uid: Uid, now: number): void {
    const { pair, stored, notices } = this.#now;
    const after = blocked(pair, { now, again: this.#config.contacts.again_ms });
    const kept = { pair: after, stored, notices: notices.filter(({ to }) => to !== uid) };
    if (after === pair && kept.notices.length === notices.length) return;
    this.#store.save(kept);
    this.#kept = kept;
  }

  /** One of the two is no more: nothing is left between them, and nobody is told. */
  departed(now: number): void {
    const { pair, stored, notices } = this.#now;
    const after = departed(pair, now);
    if (after === pair && notices.length === 0) return;
    const kept = { pair: after, stored, notices: [] };
    this.#store.save(kept);
    this.#kept = kept;
  }

  /** What `uid` is shown by the store is what is so. */
  shown(uid: Uid): boolean {
    const { pair, stored } = this.#now;
    return (stored[uid] ?? 0) >= pair.version;
  }

  /** The step to take now; undefined: all is done. */
  next(): ContactStep | undefined {
    const { pair, notices } = this.#now;
    const uid = [this.#first, this.#other(this.#first)].find((one) => !this.shown(one));
    if (uid !== undefined) return { do: "put", contact: sideOf(pair, uid, this.#other(uid)) };
    const [notice] = notices;
    return notice && { do: "tell", notice };
  }

  /** A step was taken. Throws when the disk refuses; then it is taken again. */
  done(step: ContactStep): void {
    const { pair, stored, notices } = this.#now;
    if (step.do === "put") {
      const { uid, version } = step.contact;
      const kept = { pair, stored: { ...stored, [uid]: Math.max(version, stored[uid] ?? 0) }, notices };
      // What follows writes it along; lost, it is only put once more.
      const last = kept.notices.length === 0 && this.shown(this.#other(uid)) && version >= pair.version;
      if (last) this.#store.save(kept);
      this.#kept = kept;
      return;
    }
    const kept = { pair, stored, notices: notices.filter(({ id }) => id !== step.notice.id) };
    this.#store.save(kept);
    this.#kept = kept;
  }

  get #now(): Kept {
    return (this.#kept ??= this.#store.load() ?? NOBODY);
  }

  #with(pair: Pair, notice: Kept["notices"][number] | undefined): Kept {
    const { stored, notices } = this.#now;
    return { pair, stored, notices: notice === undefined ? notices : [...notices, notice] };
  }

  #view(uid: Uid): ContactView {
    const { state, message, since } = sideOf(this.#now.pair, uid, this.#other(uid));
    return { state, message, since };
  }

  #other(uid: Uid): Uid {
    const [a, b] = this.#pair;
    return uid === a ? b : a;
  }
}
