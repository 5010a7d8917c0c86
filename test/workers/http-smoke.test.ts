import { expect, test } from "vitest";
import { account, call } from "../support/http.ts";
test("smoke", async () => {
  console.log((await call("GET /healthz")).text, (await call("GET /readyz")).text);
  const a = await account("Alice");
  console.log(a);
  const me = await call("GET /v1/me", { token: a.token });
  console.log(me.text, [...me.headers]);
  console.log((await call("GET /v1/conversations", { token: a.token })).text);
  console.log((await call("POST /v1/auth/logout", { token: a.token })).status);
  console.log((await call("GET /v1/me", { token: a.token })).text);
  console.log((await call("GET /v1/openapi.json")).text.slice(0, 3000));
  expect(1).toBe(1);
});
