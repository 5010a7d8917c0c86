/** The version of the wire protocol, and what it was made of: a changed frame does not pass unnoticed. */

/** What `hello.v` says. */
export const PROTOCOL_VERSION = 1;

/**
 * Beginnings of the SHA-256 of the JSON Schemas of both unions in frames.ts, keys in order. `test/unit/protocol/version.test.ts` compares them.
 * Changed on purpose only: by hand, together with PROTOCOL.md; and with PROTOCOL_VERSION when a client of before would break.
 */
export const FINGERPRINTS = {
  client: "a8ba4004a9d59c4324339e8a7c5cea7f",
  server: "13b8845e9487e300d3c7c5bd5bf3511c",
} as const;
