/** The SQL of what two users are to each other. Synchronous; its tables are made by the first operation. */
import type { Uid } from "../../protocol/ids.ts";
import { migrate, migrated, type Sql, type Transact } from "../migrate.ts";
import type { Notice, Pair } from "./contact-rules.ts";
import { CONTACT_SCHEMA } from "./conversation-schema.ts";

/** A pair, and what of it others do not know yet. */
export interface Kept {
  readonly pair: Pair;
  /** The version of each side that the store has. */
  readonly stored: Readonly<Record<Uid, number>>;
  /** What users have to be told, in this order; ids are those of the operations. */
  readonly notices: readonly (Notice & { readonly id: string })[];
}

export interface KnownOperation {
  readonly uid: Uid;
  readonly hash: string;
}

/** Operations that are remembered; more of one pair within the window are somebody who plays. */
const REMEMBERED = 256;

export class ContactStore {
  readonly #sql: Sql;
  readonly #transact: Transact;
  /** It has tables; undefined: nobody has asked. A chat that is woken reads nothing of this. */
  #made: boolean | undefined;

  constructor(sql: Sql, transact: Transact) {
    this.#sql = sql;
    this.#transact = transact;
  }

  load(): Kept | undefined {
    if (!this.#opened()) return undefined;
    const [row] = this.#sql.exec<{ value: string }>("SELECT value FROM contact WHERE id = 0").toArray();
    return row && (JSON.parse(row.value) as Kept);
  }

  operation(id: string): KnownOperation | undefined {
    if (!this.#opened()) return undefined;
    const [row] = this.#sql
      .exec<{ uid: string; hash: string }>("SELECT uid, hash FROM contact_operation WHERE id = ?", id)
      .toArray();
    return row && { uid: row.uid as Uid, hash: row.hash };
  }

  /** Writes what an operation made of the pair, if anything; forgets operations from before `since`. */
  commit(
    kept: Kept | undefined,
    operation: KnownOperation & { readonly id: string },
    now: number,
    since: number,
  ): void {
    this.#make();
    this.#transact(() => {
      if (kept !== undefined) this.#save(kept);
      this.#sql.exec(
        `DELETE FROM contact_operation WHERE at < ? OR id IN
           (SELECT id FROM contact_operation ORDER BY at DESC LIMIT -1 OFFSET ${REMEMBERED - 1})`,
        since,
      );
      const { id, uid, hash } = operation;
      this.#sql.exec("INSERT INTO contact_operation (id, uid, hash, at) VALUES (?, ?, ?, ?)", id, uid, hash, now);
    });
  }

  save(kept: Kept): void {
    this.#make();
    this.#save(kept);
  }

  #save(kept: Kept): void {
    this.#sql.exec(
      "INSERT INTO contact (id, value) VALUES (0, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value",
      JSON.stringify(kept),
    );
  }

  #opened(): boolean {
    if (this.#made === undefined && migrated(this.#sql, "contact_step")) this.#make();
    return (this.#made ??= false);
  }

  #make(): void {
    if (this.#made === true) return;
    migrate(this.#sql, this.#transact, CONTACT_SCHEMA, "contact_step");
    this.#made = true;
  }
}
