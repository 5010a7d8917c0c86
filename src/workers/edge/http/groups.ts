/** /v1/groups: groups as a whole. */
import { createRoute, z } from "@hono/zod-openapi";
import { refuse } from "../../../protocol/codes.ts";
import { makeUlid } from "../../../protocol/ids.ts";
import { GroupName, settings, Users } from "../group-rules.ts";
import { askFor } from "./ask.ts";
import { createGroup, listGroups } from "./group-actions.ts";
import { DirectoryPage, GroupPage, GroupParam, listedGroup, OneGroup } from "./group-views.ts";
import { IdempotencyKey } from "./idempotency.ts";
import { keyed } from "./keyed.ts";
import { veiled } from "./membership.ts";
import { random } from "./random.ts";
import { body, json, refused, refusedUsers, refusals, type App } from "./respond.ts";
import { decodeGroupCursor, encodeCursor } from "./search-cursor.ts";
import { Cursor, Limit, VersionCursor } from "./views.ts";

const NewGroup = z
  .object({
    name: GroupName,
    members: Users.optional().openapi({ description: "Left out: the group is of its owner alone, for now." }),
    ...settings,
  })
  .openapi("NewGroup");

const Change = z
  .object({ name: GroupName.optional(), ...settings, muted: z.boolean().optional() })
  .refine((change) => Object.values(change).some((value) => value !== undefined), "something to change is needed")
  .openapi("GroupChange");

const tags = ["groups"];

const newRoute = createRoute({
  method: "post",
  path: "/v1/groups",
  operationId: "createGroup",
  summary: "Make a group",
  tags,
  request: {
    headers: IdempotencyKey("A repetition within 24 h with the same body finds the group that the first made."),
    body: body(NewGroup),
  },
  responses: { 201: json("The group.", OneGroup), ...refusals },
});

const listRoute = createRoute({
  method: "get",
  path: "/v1/groups",
  operationId: "listGroups",
  summary: "One's groups, newest change first; or with `q` those that anybody may join, by how their names begin",
  tags,
  request: {
    query: z.object({
      q: z.string().min(1).max(128).optional().openapi({ description: "The name begins with this." }),
      cursor: Cursor.optional(),
      limit: Limit(50, 20),
    }),
  },
  responses: { 200: json("A page of groups.", z.union([GroupPage, DirectoryPage])), ...refusals },
});

const cardRoute = createRoute({
  method: "get",
  path: "/v1/groups/{cid}",
  operationId: "getGroup",
  summary: "A group's card",
  tags,
  request: { params: GroupParam },
  responses: { 200: json("The group.", OneGroup), ...refusals },
});

const changeRoute = createRoute({
  method: "patch",
  path: "/v1/groups/{cid}",
  operationId: "changeGroup",
  summary: "Rename a group, describe it, or change its settings; for owner and admins",
  tags,
  request: { params: GroupParam, body: body(Change) },
  responses: { 200: json("The group, changed.", OneGroup), ...refusals },
});

const dismissRoute = createRoute({
  method: "delete",
  path: "/v1/groups/{cid}",
  operationId: "dismissGroup",
  summary: "End a group, for all its members; for the owner",
  tags,
  request: { params: GroupParam },
  responses: { 204: { description: "Dismissed." }, ...refusals },
});

/** Adds the routes of groups. */
export function groupRoutes(app: App): void {
  app.openapi(newRoute, async (c) => {
    const services = keyed(c.get("services"));
    if (!services.ok) return refused(c, services.error);
    const { uid } = c.get("identity");
    const key = c.req.valid("header")["idempotency-key"];
    const group = await createGroup(services.value, uid, c.req.valid("json"), key, Date.now(), random);
    return group.ok ? c.json({ group: group.value }, 201) : refusedUsers(c, group.error);
  });

  app.openapi(listRoute, async (c) => {
    const { q, cursor, limit } = c.req.valid("query");
    const strange = refuse("invalid_argument", "cursor: not one of ours");
    if (q === undefined) {
      if (!VersionCursor.optional().safeParse(cursor).success) return refused(c, strange);
      const page = await listGroups(c.get("services"), c.get("identity").uid, cursor, limit);
      return page.ok ? c.json(page.value, 200) : refused(c, page.error);
    }
    const after = cursor === undefined ? undefined : decodeGroupCursor(cursor);
    if (cursor !== undefined && after === undefined) return refused(c, strange);
    const { groups, next } = await c.get("services").store.directory.search(q, after, limit);
    const found = { groups: groups.map(listedGroup) };
    return c.json(next === undefined ? found : { ...found, next: encodeCursor(next) }, 200);
  });

  app.openapi(cardRoute, async (c) => {
    const { cid } = c.req.valid("param");
    const group = veiled(await askFor(() => c.get("services").conversation(cid).card(c.get("identity").uid)));
    return group.ok ? c.json({ group: group.value }, 200) : refused(c, group.error);
  });

  app.openapi(changeRoute, async (c) => {
    const { cid } = c.req.valid("param");
    const { uid } = c.get("identity");
    const change = c.req.valid("json");
    const op = makeUlid(Date.now(), random(16));
    const group = veiled(await askFor(() => c.get("services").conversation(cid).change(uid, op, change)));
    return group.ok ? c.json({ group: group.value }, 200) : refused(c, group.error);
  });

  app.openapi(dismissRoute, async (c) => {
    const { cid } = c.req.valid("param");
    const { uid } = c.get("identity");
    const op = makeUlid(Date.now(), random(16));
    const done = veiled(await askFor(() => c.get("services").conversation(cid).dismiss(uid, op)));
    return done.ok ? c.body(null, 204) : refused(c, done.error);
  });
}
