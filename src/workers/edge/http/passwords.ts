/**
 * Passwords as scrypt hashes in the PHC string form `$scrypt$ln=14,r=8,p=1$<salt>$<hash>`, so that a hash made under other
 * parameters stays good. Callers bound a password's length before they come here.
 */
import { scrypt, timingSafeEqual } from "node:crypto";
import { base64url } from "jose";

const BLOCK = 8;
const LANES = 1;
const KEY_BYTES = 32;
const SHAPE = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9_-]+)\$([A-Za-z0-9_-]+)$/;

/** Hashes a new password. `logN` is log2 of the cost, `salt` 16 random bytes. */
export async function hashPassword(password: string, logN: number, salt: Uint8Array): Promise<string> {
  const hash = await derive(password, salt, logN, BLOCK, LANES, KEY_BYTES);
  return `$scrypt$ln=${logN},r=${BLOCK},p=${LANES}$${base64url.encode(salt)}$${base64url.encode(hash)}`;
}

/**
 * Whether a password is the one behind a stored hash. Without one (an unknown user) the answer is no after the same work, so
 * that the time of an answer does not tell which usernames exist. Throws when the stored text is no hash of ours.
 */
export async function verifyPassword(password: string, stored: string | undefined, logN: number): Promise<boolean> {
  if (stored === undefined) {
    await derive(password, new Uint8Array(16), logN, BLOCK, LANES, KEY_BYTES);
    return false;
  }
  const [, ln, r, p, salt, hash] = SHAPE.exec(stored) ?? [];
  if (salt === undefined || hash === undefined) throw new Error("a stored password has an unknown form");
  const expected = base64url.decode(hash);
  const given = await derive(password, base64url.decode(salt), Number(ln), Number(r), Number(p), expected.byteLength);
  return timingSafeEqual(given, expected);
}

function derive(
  password: string,
  salt: Uint8Array,
  logN: number,
  r: number,
  p: number,
  bytes: number,
): Promise<Buffer> {
  const cost = 2 ** logN;
  // Twice what scrypt needs for its blocks; the platform's own bound is too low from 2^15 on.
  const options = { N: cost, r, p, maxmem: 256 * cost * r };
  return new Promise((resolve, reject) => {
    // The same password typed on two systems may come in two Unicode forms.
    scrypt(password.normalize("NFKC"), salt, bytes, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
