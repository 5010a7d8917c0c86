/**
 * Append-only: add steps, never edit one. No secondary index anywhere: an index entry is a row written per message.
 * `log.count` is the countable position (UNR1), `log.hash` the hash of the content as it was sent (DUP2; a recall erases
 * the body, a retry must still be recognised), `log.extra` the rare fields as JSON.
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
] as const;
