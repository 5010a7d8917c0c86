/**
 * Append-only: add steps, never edit one. No secondary index anywhere: an index entry is a row written per message.
 * `log.count` is the countable position (UNR1), `log.hash` the hash of the content as it was sent (DUP2; a recall erases
 * the body, a retry must still be recognised), `log.extra` the rare fields as JSON. `pin.shard` is where the history is kept: chosen when
 * the conversation was made, and moved only by a job of its own; `pin.generation` counts the changes of what has left the log.
 * `log.archived` is how far the store had everything when the row was written: known without a row of its own. `stale` are entries that
 * were amended after they went to the store; `passed` has a bit for each entry that has left the log, 512 a row, set if it counts.
 * `member.blocks` is 1 for who takes nothing from the other of a direct chat, 2 for whose account is deleted.
 */
export const CONVERSATION_SCHEMA = [
  `CREATE TABLE log (
     seq INTEGER PRIMARY KEY, id TEXT NOT NULL, sender TEXT NOT NULL, device TEXT NOT NULL, ts INTEGER NOT NULL,
     kind TEXT NOT NULL, priority INTEGER NOT NULL, count INTEGER NOT NULL, hash TEXT NOT NULL,
     body TEXT NOT NULL, extra TEXT NOT NULL)`,
  `CREATE TABLE member (
     uid TEXT PRIMARY KEY, joined_seq INTEGER NOT NULL, taken_seq INTEGER NOT NULL, blocks INTEGER NOT NULL
   ) WITHOUT ROWID`,
  `CREATE TABLE amended (seq INTEGER PRIMARY KEY, state TEXT NOT NULL)`,
  `CREATE TABLE qos2 (
     sender TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (sender, id)
   ) WITHOUT ROWID`,
  `CREATE TABLE pin (id INTEGER PRIMARY KEY, shard TEXT NOT NULL)`,
  `ALTER TABLE log ADD COLUMN archived INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE pin ADD COLUMN generation INTEGER NOT NULL DEFAULT 0`,
  `CREATE TABLE stale (seq INTEGER PRIMARY KEY, rev INTEGER NOT NULL, erased INTEGER NOT NULL)`,
  `CREATE TABLE passed (chunk INTEGER PRIMARY KEY, count INTEGER NOT NULL, countable BLOB NOT NULL)`,
] as const;

/**
 * The tables that only a group has, beside those of every conversation; a list of its own, with its own steps. `state` is one row of JSON, what the group is; a `mark` row
 * holds the watermarks of 512 members, so that a thousand readers are two rows and not a thousand.
 */
export const GROUP_SCHEMA = [
  `CREATE TABLE group_member (
     uid TEXT PRIMARY KEY, role TEXT NOT NULL, floor INTEGER NOT NULL, since_seq INTEGER NOT NULL,
     since_count INTEGER NOT NULL, muted_until INTEGER NOT NULL, slot INTEGER NOT NULL, taken_seq INTEGER NOT NULL,
     left_seq INTEGER NOT NULL
   ) WITHOUT ROWID`,
  `CREATE TABLE state (id INTEGER PRIMARY KEY, value TEXT NOT NULL)`,
  `CREATE TABLE mark (chunk INTEGER PRIMARY KEY, data BLOB NOT NULL)`,
  `CREATE TABLE relay (n INTEGER PRIMARY KEY)`,
] as const;

/** What only two users have who asked each other to be contacts, likewise. `contact` is one row of JSON. */
export const CONTACT_SCHEMA = [
  `CREATE TABLE contact (id INTEGER PRIMARY KEY, value TEXT NOT NULL)`,
  `CREATE TABLE contact_operation (
     id TEXT PRIMARY KEY, uid TEXT NOT NULL, hash TEXT NOT NULL, at INTEGER NOT NULL
   ) WITHOUT ROWID`,
] as const;
