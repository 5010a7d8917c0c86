/**
 * What can be tuned, with defaults, ranges and units. One object, parsed once per isolate from the CONFIG binding (JSON);
 * an unknown key or a value out of range is a start-up error that names it.
 */
import { z } from "zod";
import { Routing } from "./routing.ts";

const ms = (value: number): z.ZodDefault<z.ZodNumber> => z.number().int().min(0).default(value);

export const Config = z.strictObject({
  limits: z
    .strictObject({
      /** Frames a second that one connection may send for long, and at once. */
      rate: z.number().min(1).default(50),
      burst: z.number().min(1).default(200),
      /** Bad frames within a minute that close the connection. */
      bad_frames: z.number().int().min(1).default(20),
      /** Messages handed to a device that it has not acknowledged; beyond, it is told heads only. */
      window: z.number().int().min(1).default(512),
      /** Connections of one user at a time; one more replaces the oldest. */
      connections: z.number().int().min(1).default(32),
      /** Frames kept for a broken link, and sends without an answer, of one connection. */
      buffer: z.number().int().min(1).default(1024),
      /** A connection ends itself after this many frames or this time, before the platform does. */
      session_frames: z.number().int().min(1).default(5_000_000),
      session_ms: ms(12 * 3_600_000),
    })
    .prefault({}),
  timeouts: z
    .strictObject({
      hello_ms: ms(10_000),
      /** Told to the client in seconds; a connection silent for twice that is closed. */
      heartbeat_ms: z.number().int().min(1000).default(30_000),
      /** How long a broken link is made anew before the client is told to go away. */
      reattach_ms: ms(30_000),
      /** How long a send may wait for its conversation. */
      send_ms: ms(15_000),
      typing_ms: ms(6_000),
      presence_grace_ms: ms(10_000),
    })
    .prefault({}),
  messages: z
    .strictObject({
      /** How long after sending a message can be recalled; 0 = for ever. */
      recall_ms: ms(48 * 3_600_000),
      /** How long an id is known (DUP1). */
      dedup_ms: z
        .number()
        .int()
        .min(60_000)
        .default(24 * 3_600_000),
      /** Who may write to a user in a direct chat. */
      dm: z.enum(["anyone", "contacts"]).default("anyone"),
    })
    .prefault({}),
  contacts: z
    .strictObject({
      /** How long who asked in vain (was rejected, or took the request back) waits before asking again. */
      again_ms: ms(3_600_000),
    })
    .prefault({}),
  groups: z
    .strictObject({
      /** Members of one group, the owner included. */
      members: z.number().int().min(2).max(1_000_000).default(100_000),
      /** Up to so many members, `receipt` frames are pushed to who wrote. */
      receipts: z.number().int().min(0).default(50),
      /** From so many members on a group is multicast by relays whatever it costs; below half of it, it may be pushed again. */
      pull_members: z.number().int().min(2).default(500),
      /**
       * Pushes a second, over all members, averaged over a minute, from which a group of over 16 members is multicast; it is
       * pushed again below a quarter of it.
       */
      pull_pushes: z.number().min(0).default(50),
      /** Members for whom there is one relay. */
      relay_members: z.number().int().min(1).default(2_000),
      /** How long entries of a busy group wait for company before a relay multicasts them, µs per link, at most 100 ms; 0 = not at all. */
      gather_us: z.number().int().min(0).default(100),
      /** Relay links that one connection holds; the other large groups are asked how far they are every so often, ms. */
      relay_links: z.number().int().min(0).max(64).default(8),
      poll_ms: z.number().int().min(1000).default(30_000),
      /** How long watermarks wait for company: at a member's object, and at a relay for all its links. */
      mark_ms: ms(1_000),
      relay_mark_ms: ms(2_000),
      /** How long changed watermarks of a group wait to be written together; who reported them waits, too. */
      mark_flush_ms: z.number().int().min(0).max(6_000).default(3_000),
    })
    .prefault({}),
  history: z
    .strictObject({
      /** How long an entry waits for company on its way to the store; a thousand go at once. */
      wait_ms: ms(5_000),
      /** Newest entries that stay in the conversation's object for sure; those of the dedup window do so, too. */
      tail: z.number().int().min(256).default(10_000),
      /** After a store that did not answer: the first wait, and the longest. */
      retry_ms: z.number().int().min(1).default(1_000),
      longest_retry_ms: z.number().int().min(1).default(60_000),
    })
    .prefault({}),
  writes: z
    .strictObject({
      /** How long a user object may keep a changed head in memory only. */
      flush_ms: ms(1_000),
      /** How long a lone message's `sent` may wait for all members before a safety alarm is written instead. */
      settle_ms: ms(250),
      /** How long a receiver waits for its device's ack to write head and receipt as one row. */
      settle_ack_ms: ms(60),
      /** Receipts of one reader to one writer within this time go as one call. */
      receipt_ms: ms(100),
      /** How long a second call to a conversation waits for company when a sender does not wait for answers. */
      linger_ms: ms(10),
      /** When the safety alarm looks for entries that were not taken. */
      offer_ms: z.number().int().min(100).default(10_000),
    })
    .prefault({}),
  auth: z
    .strictObject({
      issuer: z.string().min(1).default("mpim"),
      audience: z.string().min(1).default("mpim"),
      access_s: z.number().int().min(1).default(3600),
      refresh_s: z
        .number()
        .int()
        .min(1)
        .default(30 * 86_400),
      /** How long the exchange of a refresh token may be repeated by a client that got no answer. */
      refresh_grace_s: z.number().int().min(0).default(60),
      /** How long after an account was deleted others may begin something with it, by what they remember; then the rest of it goes. */
      forget_ms: ms(60_000),
      /** A second issuer whose tokens are taken too; `sub` is the uid. */
      external: z
        .strictObject({ issuer: z.string().min(1), audience: z.string().min(1), jwks_url: z.url() })
        .optional(),
      /** log2 of scrypt's cost for new passwords. */
      scrypt_log_n: z.number().int().min(10).max(20).default(14),
    })
    .prefault({}),
  cache: z
    .strictObject({
      /** Begins every key: two deployments may share a Redis. */
      prefix: z
        .string()
        .regex(/^[\w-]{1,32}$/)
        .default("mpim"),
      /** How long an answer of Redis is waited for; then the read goes on without it. */
      deadline_ms: z.number().int().min(1).default(250),
      /** Failures in a row after which Redis is left alone, and for how long before it is tried again. */
      failures: z.number().int().min(1).default(5),
      open_ms: ms(5_000),
      /** How long a read waits for another that fetches the same, before it fetches by itself. */
      flight_ms: z.number().int().min(1).default(5_000),
      /** What one isolate keeps, bytes. */
      isolate_bytes: z
        .number()
        .int()
        .min(1)
        .default(16 * 1024 * 1024),
      /** How long a user's profile is kept in Redis. */
      profile_ms: ms(600_000),
      /** The same for what has left a conversation's log, which changes seldom. */
      history_ms: ms(3_600_000),
    })
    .prefault({}),
  /** Which node a key belongs to: relays, history shards, regions, releases. */
  routing: Routing.prefault({}),
});
export type Config = z.infer<typeof Config>;

/** Parses overrides (JSON text or nothing) over the defaults. Throws an Error naming each bad key. */
export function parseConfig(json: string | undefined): Config {
  let overrides: unknown;
  try {
    overrides = json === undefined || json === "" ? {} : JSON.parse(json);
  } catch {
    throw new Error("CONFIG is not JSON");
  }
  const parsed = Config.safeParse(overrides);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => `${issue.path.join(".") || "config"}: ${issue.message}`);
  throw new Error(`CONFIG is not valid: ${lines.join("; ")}`);
}
