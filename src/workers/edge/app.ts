/** The edge's HTTP: what holds for every request, then the routes. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { matchedRoutes } from "hono/route";
import { secureHeaders } from "hono/secure-headers";
import { METHODS } from "hono/router";
import { describe, log } from "../../observability/log.ts";
import { refuse } from "../../protocol/codes.ts";
import { StoreError } from "../../store/store.ts";
import { services } from "../env.ts";
import { authenticate, authenticateLeaver, authenticateToken } from "./auth.ts";
import { adminHistoryRoutes } from "./http/admin-history.ts";
import { adminRoutes } from "./http/admin.ts";
import { adminCacheRoutes } from "./http/admin-cache.ts";
import { refuseAdmin } from "./http/admin-key.ts";
import { accountRoutes } from "./http/accounts.ts";
import { blockRoutes } from "./http/blocks.ts";
import { contactRoutes } from "./http/contacts.ts";
import { conversationRoutes } from "./http/conversations.ts";
import { deviceRoutes } from "./http/devices.ts";
import { documentRoute } from "./http/document.ts";
import { groupRoutes } from "./http/groups.ts";
import { healthRoutes } from "./http/health.ts";
import { memberRoutes } from "./http/group-members.ts";
import { pages } from "./http/pages.ts";
import { receiptRoutes } from "./http/receipts.ts";
import { searchRoutes } from "./http/search.ts";
import { socketRoute } from "./http/socket.ts";
import { userRoutes } from "./http/users.ts";
import { refused, requestIdOf, type App, type AppEnv } from "./http/respond.ts";

/** Whoever sends more is refused before anything is parsed. */
const BODY_BYTES = 64 * 1024;

/** Routes that anybody may call; every other one needs a token, also one that is added and listed nowhere. */
export const PUBLIC: ReadonlySet<string> = new Set([
  "GET /healthz",
  "GET /readyz",
  "GET /v1/openapi.json",
  "GET /v1/ws",
  "POST /v1/auth/register",
  "POST /v1/auth/login",
  "POST /v1/auth/refresh",
]);

/** Routes that the admin key opens and no user's token does, also those that are added. On all others the key is no token. */
export function isAdmin(path: string): boolean {
  return path.startsWith("/v1/admin/");
}

/** Routes that say how the server is, and so answer when it is not well. */
const DIAGNOSTIC: ReadonlySet<string> = new Set(["GET /healthz", "GET /readyz"]);

/** Makes the app. */
export function makeApp(): App {
  const app: App = new OpenAPIHono<AppEnv>({
    defaultHook: (result, c) => {
      if (result.success) return undefined;
      const whole = result.target === "json" ? "body" : result.target;
      const fields = result.error.issues.map(({ path, message }) => ({ field: path.join(".") || whole, message }));
      const text = fields.map(({ field, message }) => `${field}: ${message}`).join("; ");
      return refused(c, refuse("invalid_argument", text), { fields });
    },
  });
  app.use(pages, outermost);
  // Before what touches headers of a response: that copies it, and a copy loses its socket.
  socketRoute(app);
  app.use(
    cors({
      origin: "*",
      allowHeaders: ["authorization", "content-type", "idempotency-key", "x-request-id"],
      exposeHeaders: ["x-request-id", "x-mpim-release", "retry-after"],
      maxAge: 86_400,
    }),
    secureHeaders({
      contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
      crossOriginResourcePolicy: "cross-origin",
      strictTransportSecurity: "max-age=15552000",
      xFrameOptions: "DENY",
    }),
    door,
    bodyLimit({
      maxSize: BODY_BYTES,
      onError: (c: Context<AppEnv>) => refused(c, refuse("too_large", `the body is over ${BODY_BYTES} bytes`)),
    }),
  );
  healthRoutes(app);
  accountRoutes(app);
  userRoutes(app);
  conversationRoutes(app);
  blockRoutes(app);
  contactRoutes(app);
  deviceRoutes(app);
  groupRoutes(app);
  memberRoutes(app);
  receiptRoutes(app);
  searchRoutes(app);
  adminRoutes(app);
  adminCacheRoutes(app);
  adminHistoryRoutes(app);
  documentRoute(app);
  app.notFound((c) => {
    const allowed = METHODS.filter((method) => hasRoute(app, method.toUpperCase(), c.req.path));
    if (allowed.length === 0) return refused(c, refuse("not_found", "no such route"));
    c.header("allow", allowed.map((method) => method.toUpperCase()).join(", "));
    return refused(c, refuse("invalid_argument", "this route does not take this method"), undefined, 405);
  });
  app.onError(failed);
  return app;
}

/** Gives the request its id and services, and puts the id on whatever leaves. */
const outermost: MiddlewareHandler<AppEnv> = async (c, next) => {
  c.set(
    "requestId",
    requestIdOf(c.req.header("x-request-id"), () => crypto.randomUUID()),
  );
  c.set("services", services(c.env));
  await next();
  c.res.headers.set("x-request-id", c.get("requestId"));
};

/** What may be repeated although it ends the token by which it is asked. */
const CHECKS: Readonly<Record<string, typeof authenticate>> = {
  "POST /v1/auth/logout": authenticateToken,
  "DELETE /v1/me": authenticateLeaver,
};

/** Lets nobody in who has no token, except to public routes, and nobody at all while the server is not configured. */
const door: MiddlewareHandler<AppEnv> = async (c, next) => {
  const route = matchedRoutes(c).findLast(({ method }) => method !== "ALL");
  if (route === undefined) return next();
  c.header("cache-control", "no-store");
  const name = `${route.method} ${route.path}`;
  const { problems, adminKey, routes } = c.get("services");
  if (problems.length > 0 && !DIAGNOSTIC.has(name)) return refused(c, refuse("unavailable", "the server is not ready"));
  if (PUBLIC.has(name)) return next();
  const [, token] = /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(c.req.header("authorization") ?? "") ?? [];
  if (isAdmin(route.path)) {
    const refusal = await refuseAdmin(token, adminKey);
    return refusal === undefined ? next() : refused(c, refusal);
  }
  if (token === undefined) return refused(c, refuse("unauthenticated", "a bearer token is needed"));
  const identity = await (CHECKS[name] ?? authenticate)(token, c.get("services"), Date.now());
  if (!identity.ok) return refused(c, identity.error);
  c.set("identity", identity.value);
  const release = routes.local("release", identity.value.uid);
  if (release.ok) c.header("x-mpim-release", release.value.node);
  return next();
};

function hasRoute(app: App, method: string, path: string): boolean {
  const [handlers] = app.router.match(method, path);
  return handlers.some(([[, route]]) => route.method !== "ALL");
}

function failed(error: Error, c: Context<AppEnv>): Response {
  // Thrown by hono for bodies that are no JSON, or of another type; its texts are constants.
  if (error instanceof HTTPException) {
    const text = error.status === 415 ? "content-type: application/json is needed" : "the body is not JSON";
    return refused(c, refuse("invalid_argument", text));
  }
  const route = matchedRoutes(c).findLast(({ method }) => method !== "ALL");
  const where = { request_id: c.get("requestId"), route: route === undefined ? "" : `${route.method} ${route.path}` };
  if (error instanceof StoreError) {
    log("error", "the store does not answer", { ...where, ...describe(error) });
    return refused(c, refuse("unavailable", "this cannot be answered now", 1_000));
  }
  log("error", "a request failed", { ...where, ...describe(error) });
  return refused(c, refuse("internal", "something went wrong here"));
}
