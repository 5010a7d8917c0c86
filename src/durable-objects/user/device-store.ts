/** SQL of a user's devices. Synchronous. */
import type { DeviceId } from "../../protocol/ids.ts";
import type { Sql, Transact } from "../migrate.ts";

/** What is remembered of a device. */
export interface DeviceRow {
  readonly id: DeviceId;
  readonly name: string;
  readonly platform: string;
  readonly firstSeen: number;
  /** When it connected last, or went, ms; 0 = before this was kept. */
  readonly seen: number;
  /** The login of its token; undefined = a token of another issuer. */
  readonly login: string | undefined;
}

type RawDevice = { id: string; name: string; platform: string; first_seen: number; seen: number; login: string };

export class DeviceStore {
  readonly #sql: Sql;
  readonly #transact: Transact;

  constructor(sql: Sql, transact: Transact) {
    this.#sql = sql;
    this.#transact = transact;
  }

  /** All of them, the one seen last first. */
  all(): DeviceRow[] {
    return this.#sql
      .exec<RawDevice>("SELECT id, name, platform, first_seen, seen, login FROM device ORDER BY seen DESC, id")
      .toArray()
      .map(({ id, name, platform, first_seen: firstSeen, seen, login }) => {
        return { id: id as DeviceId, name, platform, firstSeen, seen, login: login === "" ? undefined : login };
      });
  }

  has(id: DeviceId): boolean {
    return this.#sql.exec("SELECT 1 AS x FROM device WHERE id = ?", id).toArray().length > 0;
  }

  /** A device is here. `again`: it was before, so nothing is written of one that is known. */
  here({ id, name, platform, login }: Omit<DeviceRow, "firstSeen" | "seen">, again: boolean, now: number): void {
    this.#sql.exec(
      `INSERT INTO device (id, name, platform, first_seen, seen, login) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, platform = excluded.platform, seen = excluded.seen,
         login = excluded.login
       WHERE ? = 0 OR seen = 0`,
      id,
      name,
      platform,
      now,
      now,
      login ?? "",
      again ? 1 : 0,
    );
  }

  /** A device went. */
  gone(id: DeviceId, login: string | undefined, now: number): void {
    this.#sql.exec("UPDATE device SET seen = ?, login = ? WHERE id = ?", now, login ?? "", id);
  }

  forget(ids: readonly DeviceId[]): void {
    if (ids.length === 0) return;
    this.#transact(() => {
      for (const id of ids) this.#sql.exec("DELETE FROM device WHERE id = ?", id);
    });
  }
}
