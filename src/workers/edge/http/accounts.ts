/** /v1/auth: accounts and logins. */
import { createRoute, z } from "@hono/zod-openapi";
import { login, logout, refresh, register, type Granted } from "./account-actions.ts";
import { IdempotencyKey } from "./idempotency.ts";
import { keyed } from "./keyed.ts";
import { random } from "./random.ts";
import { body, json, refused, refusals, type App } from "./respond.ts";
import { DisplayName, Password, Username } from "../user-rules.ts";
import { Card, card } from "./views.ts";

const Tokens = z
  .object({
    user: Card,
    token: z.string().openapi({ description: "Access token, for `Authorization: Bearer` and for `hello`." }),
    refresh_token: z.string().openapi({ description: "Good for one exchange, which may be repeated for a minute." }),
    expires_in: z.number().int().openapi({ description: "Seconds until the access token ends." }),
  })
  .openapi("Tokens");

const Registration = z
  .object({ username: Username, password: Password, name: DisplayName.optional() })
  .openapi("Registration");

/** Bounds only: what is no username or password of ours is just a wrong one. */
const Credentials = z
  .object({ username: z.string().min(1).max(64), password: z.string().min(1).max(512) })
  .openapi("Credentials");

const Key = IdempotencyKey("A repetition within 24 h with the same body finds the account that the first made.");

const shared = { tags: ["accounts"], security: [] };

const registerRoute = createRoute({
  ...shared,
  method: "post",
  path: "/v1/auth/register",
  operationId: "register",
  summary: "Make an account and log in",
  request: { body: body(Registration), headers: Key },
  responses: { 201: json("The account and its first login.", Tokens), ...refusals },
});

const loginRoute = createRoute({
  ...shared,
  method: "post",
  path: "/v1/auth/login",
  operationId: "login",
  summary: "Log in",
  request: { body: body(Credentials) },
  responses: { 200: json("A new login.", Tokens), ...refusals },
});

const refreshRoute = createRoute({
  ...shared,
  method: "post",
  path: "/v1/auth/refresh",
  operationId: "refresh",
  summary: "Exchange a refresh token; may be repeated for a minute, after that it ends the login",
  request: { body: body(z.object({ refresh_token: z.string().min(1).max(256) })) },
  responses: { 200: json("New tokens of the same login.", Tokens), ...refusals },
});

const logoutRoute = createRoute({
  method: "post",
  path: "/v1/auth/logout",
  operationId: "logout",
  summary: "End the login of the access token, and its connections",
  tags: ["accounts"],
  responses: { 204: { description: "Ended." }, ...refusals },
});

/** Adds the routes under /v1/auth. */
export function accountRoutes(app: App): void {
  app.openapi(registerRoute, async (c) => {
    const { username, password, name } = c.req.valid("json");
    const key = c.req.valid("header")["idempotency-key"];
    const services = keyed(c.get("services"));
    if (!services.ok) return refused(c, services.error);
    const input = { username, password, name: name ?? username };
    const granted = await register(services.value, input, key, Date.now(), random);
    return granted.ok ? c.json(tokens(granted.value), 201) : refused(c, granted.error);
  });

  app.openapi(loginRoute, async (c) => {
    const { username, password } = c.req.valid("json");
    const services = keyed(c.get("services"));
    if (!services.ok) return refused(c, services.error);
    const granted = await login(services.value, username.toLowerCase(), password, Date.now(), random);
    return granted.ok ? c.json(tokens(granted.value), 200) : refused(c, granted.error);
  });

  app.openapi(refreshRoute, async (c) => {
    const services = keyed(c.get("services"));
    if (!services.ok) return refused(c, services.error);
    const granted = await refresh(services.value, c.req.valid("json").refresh_token, Date.now());
    return granted.ok ? c.json(tokens(granted.value), 200) : refused(c, granted.error);
  });

  app.openapi(logoutRoute, async (c) => {
    const done = await logout(c.get("services"), c.get("identity"), Date.now());
    return done.ok ? c.body(null, 204) : refused(c, done.error);
  });
}

function tokens(granted: Granted): z.infer<typeof Tokens> {
  return { ...granted, user: card(granted.user) };
}
