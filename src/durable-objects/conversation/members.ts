/**
 * The members of a group in memory: all of them where entries are pushed to each, else those who did something lately. Who is
 * leaving is kept until the own object and every relay know (SEC1).
 */
import type { Uid } from "../../protocol/ids.ts";
import type { GroupMember, GroupStore } from "./group-store.ts";

/** Members of a group in pull mode that are kept in memory. */
const CACHED = 5_000;

export class Members {
  readonly #store: GroupStore;
  readonly #rows = new Map<Uid, GroupMember>();
  #complete = false;

  constructor(store: GroupStore) {
    this.#store = store;
  }

  /** A member, or one who is leaving. */
  get(uid: Uid): GroupMember | undefined {
    const known = this.#rows.get(uid);
    if (known !== undefined || this.#complete) return known;
    const row = this.#store.member(uid);
    if (row !== undefined) this.set(row);
    return row;
  }

  /** Who is a member now. */
  inside(uid: Uid): GroupMember | undefined {
    const row = this.get(uid);
    return row?.leftSeq === 0 ? row : undefined;
  }

  /** Who is to own the group after `uid`: the admin who has been there for longest, else the member. */
  heir(uid: Uid): GroupMember | undefined {
    return this.#store.heir(uid);
  }

  /** Everybody, who is leaving too. Stays in memory until `shrink`. */
  all(): Iterable<GroupMember> {
    if (!this.#complete) {
      for (const row of this.#store.members()) this.#rows.set(row.uid, row);
      this.#complete = true;
    }
    return this.#rows.values();
  }

  /** The row is on the disk like this. */
  set(row: GroupMember): void {
    this.#rows.set(row.uid, row);
    if (this.#complete || this.#rows.size <= CACHED) return;
    for (const uid of this.#rows.keys()) {
      this.#rows.delete(uid);
      if (this.#rows.size <= CACHED / 2) return;
    }
  }

  forget(uid: Uid): void {
    this.#rows.delete(uid);
  }

  /** Not everybody has to be in memory any more; or the disk was changed for many at once. */
  shrink(): void {
    this.#rows.clear();
    this.#complete = false;
  }
}
