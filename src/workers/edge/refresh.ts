/**
 * Refresh tokens, `<login>.<family secret>.<newest secret>`, kept as hashes. What a token is exchanged for follows from it, so a client
 * that has lost the answer is given the same again, for a short while. Any other token of the right family was good once: somebody
 * uses a copy, so the whole login ends.
 */
import { base64url } from "jose";
import type { Login } from "../../store/store.ts";

const SHAPE = /^([0-9a-z]{26})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

export interface RefreshToken {
  readonly login: string;
  readonly family: string;
  readonly secret: string;
}

/** A login's first token. `random` gives 48 bytes. */
export function makeRefreshToken(login: string, random: Uint8Array): RefreshToken {
  return {
    login,
    family: base64url.encode(random.subarray(0, 16)),
    secret: base64url.encode(random.subarray(16, 48)),
  };
}

/** The text that the client keeps. */
export function formatRefreshToken(token: RefreshToken): string {
  return `${token.login}.${token.family}.${token.secret}`;
}

/** Reads what a client presents; undefined when it has not the shape of one of ours. */
export function parseRefreshToken(text: string): RefreshToken | undefined {
  const [, login, family, secret] = SHAPE.exec(text) ?? [];
  if (login === undefined || family === undefined || secret === undefined) return undefined;
  return { login, family, secret };
}

/** What there is to be told of a presented token. */
export interface Hashes {
  readonly family: string;
  readonly secret: string;
  /** Of the secret that this one is exchanged for, whoever asks and however often. */
  readonly next: string;
}

/**
 * Judges a presented token by hashes. `newest`: exchange it. `repeated`: it was exchanged a moment ago for what is the newest now, and
 * is given the same again. `reused`: end the login. `unknown`: no login, one that is over, or a made-up token.
 */
export function judge(
  hashes: Hashes,
  login: Login | undefined,
  now: number,
  graceMs: number,
): "newest" | "repeated" | "reused" | "unknown" {
  if (login === undefined || login.expires <= now || login.family !== hashes.family) return "unknown";
  if (login.current === hashes.secret) return "newest";
  return login.current === hashes.next && now < login.exchanged + graceMs ? "repeated" : "reused";
}
