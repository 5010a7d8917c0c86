/**
 * What an object costs, as the platform counts it: rows written (alarms too) and requests (calls, connections and alarm
 * runs one each, incoming WebSocket messages a twentieth). Tests hold these figures to budgets.
 */
import type { Sql } from "./migrate.ts";

export interface Cost {
  rowsWritten: number;
  rowsRead: number;
  requests: number;
  linkMessages: number;
}

/** A new count. */
export function freshCost(): Cost {
  return { rowsWritten: 0, rowsRead: 0, requests: 0, linkMessages: 0 };
}

/** The object's SQLite with every statement counted. */
export function counted(sql: SqlStorage, cost: Cost): Sql {
  return {
    exec<T extends Record<string, SqlStorageValue>>(query: string, ...bindings: unknown[]): { toArray(): T[] } {
      const cursor = sql.exec<T>(query, ...bindings);
      // A cursor's counts are final once it is read; statements without rows are final at once.
      const rows = cursor.toArray();
      cost.rowsWritten += cursor.rowsWritten;
      cost.rowsRead += cursor.rowsRead;
      return { toArray: () => rows };
    },
  };
}
