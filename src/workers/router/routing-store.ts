/** All SQL of the routing object. */
import { migrate, type Sql, type Transact } from "../../durable-objects/migrate.ts";
import { ROUTING_SCHEMA } from "./routing-schema.ts";
import { parseTable, type Table } from "./table.ts";

export class RoutingStore {
  readonly #sql: Sql;

  constructor(sql: Sql, transact: Transact) {
    this.#sql = sql;
    migrate(sql, transact, ROUTING_SCHEMA);
  }

  /** The table that was saved last; undefined when there is none, or one that this build cannot read. */
  load(): Table | undefined {
    const [row] = this.#sql.exec<{ state: string }>("SELECT state FROM routing").toArray();
    if (row === undefined) return undefined;
    const parsed = parseTable(JSON.parse(row.state));
    return parsed.ok ? parsed.value : undefined;
  }

  save(table: Table): void {
    this.#sql.exec(
      "INSERT INTO routing (id, state) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state",
      JSON.stringify(table),
    );
  }
}
