/** Append-only: add steps, never edit one. One row, the table as JSON: it is small, and a change writes it whole. */
export const ROUTING_SCHEMA = [
  `CREATE TABLE routing (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL)`,
] as const;
