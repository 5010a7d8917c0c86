/**
 * Refresh tokens, `<login>.<family secret>.<newest secret>`, kept as hashes. A token of the right family with another last
 * part was good once: somebody uses a copy, so the whole login ends.
 */
import { base64url } from "jose";
import type { Login } from "../../store/store.ts";

const SHAPE = /^([0-9a-z]{26})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

export interface RefreshToken {
  readonly login: string;
  readonly family: string;
  readonly secret: string;
}

/** A login's first token, or the one after `of`. `random` gives 48 bytes. */
export function makeRefreshToken(login: string, random: Uint8Array, of?: RefreshToken): RefreshToken {
  return {
    login,
    family: of?.family ?? base64url.encode(random.subarray(0, 16)),
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

/**
 * Judges a presented token by the hashes of its two secrets. `newest`: exchange it. `reused`: end the login. `unknown`: no
 * login, one that is over, or a made-up token.
 */
export function judge(
  hashes: { readonly family: string; readonly secret: string },
  login: Login | undefined,
  now: number,
): "newest" | "reused" | "unknown" {
  if (login === undefined || login.expires <= now || login.family !== hashes.family) return "unknown";
  return login.current === hashes.secret ? "newest" : "reused";
}
