/** What the client makes of answers that are not the server's own. */
import { expect, test } from "vitest";
import { Http } from "../../../client/src/http.ts";

test.each([
  [502, '{"error":"bad gateway"}', "unavailable"],
  [503, '{"error":{"code":1015}}', "unavailable"],
  [408, "", "unavailable"],
  [429, "<html>slow down</html>", "rate_limited"],
  [401, "", "unauthenticated"],
  [403, "no", "permission_denied"],
  [409, "null", "already_exists"],
  [413, "<html>too large</html>", "too_large"],
  [404, "nope", "not_found"],
  [418, "nope", "invalid_argument"],
])("a refusal of something in between means what its status says: %i %s", async (status, text, code) => {
  const fetch = (): Promise<Response> =>
    Promise.resolve(new Response(text, { status, headers: { "retry-after": "60" } }));
  const error = await new Http({ url: "http://x", fetch }).call("GET /me").catch((refused: unknown) => refused);
  expect(error).toMatchObject({ name: "MpimError", code, retryAfter: 60_000 });
});
