/** New ids: ULIDs in lower case, which carry their time. */
import { CROCKFORD, timeLetters } from "./core/ulid.ts";

/** A new ULID. `now`: ms since the epoch, for messages by the server's clock. */
export function newId(now = Date.now()): string {
  let tail = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(16))) tail += CROCKFORD.charAt(byte % 32);
  return timeLetters(now) + tail;
}
