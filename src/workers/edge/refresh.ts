/**
 * Refresh tokens, `<login>.<family secret>.<newest secret>`, kept as hashes. A token of the right family with another last
 * part was good once: somebody uses a copy, so the whole login ends.
 */
import { createHash } from "node:crypto";
import type { Login } from "../../store/store.ts";

const SHAPE = /^([0-9a-z]{26})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

export interface RefreshToken {
  readonly login: string;
  readonly family: string;
  readonly secret: string;
}

/** A family's first token, or with `of` its next one. `random` gives 48 bytes. */
export function makeRefreshToken(login: string, random: Uint8Array, of?: RefreshToken): RefreshToken {
  const bytes = Buffer.from(random);
  return {
    login,
    family: of?.family ?? bytes.subarray(0, 16).toString("base64url"),
    secret: bytes.subarray(16, 48).toString("base64url"),
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

/** What the store keeps of a secret. The secrets are random and long, so a plain hash does. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}

/** `newest`: exchange it. `reused`: end the login. `unknown`: no login, one that is over, or a made-up token. */
export function judge(token: RefreshToken, login: Login | undefined, now: number): "newest" | "reused" | "unknown" {
  if (login === undefined || login.expires <= now || login.family !== hashSecret(token.family)) return "unknown";
  return login.current === hashSecret(token.secret) ? "newest" : "reused";
}
