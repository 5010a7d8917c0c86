/**
 * Append-only: add steps, never edit one. Tables without rowid and without further indexes: one row written per change.
 * `head.count` and `head.read_count` are countable positions (UNR1); `head.last` is the newest message as JSON,
 * `head.membership` what a group says of the user's part in it. `device.seen`: when it connected last, or went; `device.login`: '' for a
 * token of another issuer.
 */
export const USER_SCHEMA = [
  `CREATE TABLE head (
     cid TEXT PRIMARY KEY, head INTEGER NOT NULL, count INTEGER NOT NULL, read INTEGER NOT NULL,
     read_count INTEGER NOT NULL, delivered INTEGER NOT NULL, peer_delivered INTEGER NOT NULL,
     peer_read INTEGER NOT NULL, version INTEGER NOT NULL, muted INTEGER NOT NULL, pinned INTEGER NOT NULL,
     peer_name TEXT NOT NULL, last TEXT NOT NULL
   ) WITHOUT ROWID`,
  `CREATE TABLE device (
     id TEXT PRIMARY KEY, name TEXT NOT NULL, platform TEXT NOT NULL, first_seen INTEGER NOT NULL
   ) WITHOUT ROWID`,
  `CREATE TABLE block (uid TEXT PRIMARY KEY, on_since INTEGER NOT NULL, told INTEGER NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE watcher (uid TEXT PRIMARY KEY) WITHOUT ROWID`,
  `CREATE TABLE qos2 (id TEXT PRIMARY KEY, cid TEXT NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE ended_login (login TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID`,
  `ALTER TABLE head ADD COLUMN membership TEXT NOT NULL DEFAULT ''`,
  `ALTER TABLE device ADD COLUMN seen INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE device ADD COLUMN login TEXT NOT NULL DEFAULT ''`,
] as const;
