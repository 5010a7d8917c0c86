/** New ids: ULIDs in lower case, which carry their time. */

const CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz";

/** A new ULID. `now` in ms. */
export function newId(now = Date.now()): string {
  let time = "";
  for (let rest = now, i = 0; i < 10; i += 1) {
    time = CROCKFORD.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  let tail = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(16))) tail += CROCKFORD.charAt(byte % 32);
  return time + tail;
}
