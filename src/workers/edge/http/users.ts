/** /v1/me and /v1/users. */
import { createRoute, z } from "@hono/zod-openapi";
import { refuse } from "../../../protocol/codes.ts";
import { deleteAccount } from "./account-actions.ts";
import { json, refused, refusals, type App } from "./respond.ts";
import { Avatar, DisplayName } from "../user-rules.ts";
import { decodeCursor, encodeCursor } from "./search-cursor.ts";
import { Card, card, Cursor, Limit, Next, UidParam } from "./views.ts";

const Change = z
  .object({ name: DisplayName.optional(), avatar: Avatar.nullable().optional() })
  .refine((change) => change.name !== undefined || change.avatar !== undefined, "name or avatar is needed")
  .openapi("ProfileChange");

const Query = z
  .object({
    username: z.string().min(1).max(64).optional().openapi({ description: "Exactly this username." }),
    q: z.string().min(1).max(128).optional().openapi({ description: "Username or name begins with this." }),
    cursor: Cursor.optional(),
    limit: Limit(100, 20),
  })
  .refine((query) => (query.username === undefined) !== (query.q === undefined), "either username or q is needed");

const Found = z.object({ users: z.array(Card), next: Next }).openapi("UserPage");

const tags = ["users"];

const meRoute = createRoute({
  method: "get",
  path: "/v1/me",
  operationId: "getMe",
  summary: "One's own profile",
  tags,
  responses: { 200: json("The profile.", Card), ...refusals },
});

const changeMeRoute = createRoute({
  method: "patch",
  path: "/v1/me",
  operationId: "changeMe",
  summary: "Change name or avatar",
  tags,
  request: { body: { required: true, content: { "application/json": { schema: Change } } } },
  responses: { 200: json("The profile, changed.", Card), ...refusals },
});

const deleteMeRoute = createRoute({
  method: "delete",
  path: "/v1/me",
  operationId: "deleteMe",
  summary: "Delete one's account, for good; may be repeated",
  tags,
  responses: { 202: { description: "It has begun, and nothing stops it." }, ...refusals },
});

const userRoute = createRoute({
  method: "get",
  path: "/v1/users/{uid}",
  operationId: "getUser",
  summary: "A user's card",
  tags,
  request: { params: UidParam },
  responses: { 200: json("The card.", Card), ...refusals },
});

const usersRoute = createRoute({
  method: "get",
  path: "/v1/users",
  operationId: "findUsers",
  summary: "Find users by exact username, or by how username or name begin",
  tags,
  request: { query: Query },
  responses: { 200: json("Cards, a page of them.", Found), ...refusals },
});

/** Adds the routes of profiles and user search. */
export function userRoutes(app: App): void {
  app.openapi(meRoute, async (c) => {
    const user = await c.get("services").users.find(c.get("identity").uid);
    if (user === undefined || user.deleted > 0) return refused(c, refuse("not_found", "this account is gone"));
    return c.json(card(user), 200);
  });

  app.openapi(changeMeRoute, async (c) => {
    const user = await c.get("services").users.update(c.get("identity").uid, c.req.valid("json"), Date.now());
    return user === undefined ? refused(c, refuse("not_found", "this account is gone")) : c.json(card(user), 200);
  });

  app.openapi(deleteMeRoute, async (c) => {
    const begun = await deleteAccount(c.get("services"), c.get("identity"), Date.now());
    return begun.ok ? c.body(null, 202) : refused(c, begun.error);
  });

  app.openapi(userRoute, async (c) => {
    const user = await c.get("services").users.find(c.req.valid("param").uid);
    return user === undefined ? refused(c, refuse("not_found", "no such user")) : c.json(card(user), 200);
  });

  app.openapi(usersRoute, async (c) => {
    const { username, q, cursor, limit } = c.req.valid("query");
    const { users } = c.get("services");
    if (username !== undefined) {
      const user = await users.findByUsername(username.toLowerCase());
      return c.json({ users: user === undefined ? [] : [card(user)] }, 200);
    }
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    if (cursor !== undefined && after === undefined)
      return refused(c, refuse("invalid_argument", "cursor: not one of ours"));
    const page = await users.search(q ?? "", after, limit);
    const found = { users: page.users.map(card) };
    return c.json(page.next === undefined ? found : { ...found, next: encodeCursor(page.next) }, 200);
  });
}
