/** /v1/groups/:cid/members, and joining. */
import { createRoute, z } from "@hono/zod-openapi";
import { makeUlid } from "../../../protocol/ids.ts";
import { Users } from "../group-rules.ts";
import { askFor } from "./ask.ts";
import { addMembers } from "./group-actions.ts";
import { After, GroupParam, Member, MemberPage, MemberParam, OneGroup, Role } from "./group-views.ts";
import { changeId, IdempotencyKey } from "./idempotency.ts";
import { keyed } from "./keyed.ts";
import { veiled } from "./membership.ts";
import { random } from "./random.ts";
import { body, json, refused, refusedUsers, refusals, type App } from "./respond.ts";
import { Limit } from "./views.ts";

const Addition = z.object({ users: Users }).openapi("NewMembers");

const Change = z
  .object({
    role: Role.optional().openapi({ description: "`owner` hands the group over." }),
    muted_until: z
      .number()
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .optional()
      .openapi({ description: "ms since the epoch; 0: no longer muted." }),
  })
  .refine((change) => change.role !== undefined || change.muted_until !== undefined, "role or muted_until is needed")
  .openapi("MemberChange");

const Key = IdempotencyKey("A repetition within 24 h changes nothing more.");

const tags = ["groups"];

const listRoute = createRoute({
  method: "get",
  path: "/v1/groups/{cid}/members",
  operationId: "listMembers",
  summary: "A group's members, in the order of their ids",
  tags,
  request: { params: GroupParam, query: z.object({ after: After, limit: Limit(1000, 100) }) },
  responses: { 200: json("A page of members.", MemberPage), ...refusals },
});

const addRoute = createRoute({
  method: "post",
  path: "/v1/groups/{cid}/members",
  operationId: "addMembers",
  summary: "Add users; for owner and admins, in an open group for every member",
  tags,
  request: { params: GroupParam, headers: Key, body: body(Addition) },
  responses: { 200: json("The group with its new members.", OneGroup), ...refusals },
});

const removeRoute = createRoute({
  method: "delete",
  path: "/v1/groups/{cid}/members/{uid}",
  operationId: "removeMember",
  summary: "Remove a member, or leave",
  tags,
  request: { params: MemberParam },
  responses: { 204: { description: "No member any more." }, ...refusals },
});

const changeRoute = createRoute({
  method: "patch",
  path: "/v1/groups/{cid}/members/{uid}",
  operationId: "changeMember",
  summary: "Change a member's role, or mute a member",
  tags,
  request: { params: MemberParam, body: body(Change) },
  responses: { 200: json("The member, changed.", z.object({ member: Member })), ...refusals },
});

const joinRoute = createRoute({
  method: "post",
  path: "/v1/groups/{cid}/join",
  operationId: "joinGroup",
  summary: "Join an open group",
  tags,
  request: { params: GroupParam, headers: Key },
  responses: { 200: json("The group.", OneGroup), ...refusals },
});

/** Adds the routes of members. */
export function memberRoutes(app: App): void {
  app.openapi(listRoute, async (c) => {
    const { cid } = c.req.valid("param");
    const { after, limit } = c.req.valid("query");
    const { uid } = c.get("identity");
    const page = veiled(await askFor(() => c.get("services").conversation(cid).members(uid, after, limit)));
    return page.ok ? c.json(page.value, 200) : refused(c, page.error);
  });

  app.openapi(addRoute, async (c) => {
    const services = keyed(c.get("services"));
    if (!services.ok) return refused(c, services.error);
    const { cid } = c.req.valid("param");
    const { uid } = c.get("identity");
    const key = c.req.valid("header")["idempotency-key"];
    const op = await changeId(services.value, uid, `POST /v1/groups/${cid}/members`, key, Date.now(), random);
    const group = await addMembers(services.value, uid, op, cid, c.req.valid("json").users);
    return group.ok ? c.json({ group: group.value }, 200) : refusedUsers(c, group.error);
  });

  app.openapi(removeRoute, async (c) => {
    const { cid, uid: target } = c.req.valid("param");
    const { uid } = c.get("identity");
    const op = makeUlid(Date.now(), random(16));
    const done = veiled(await askFor(() => c.get("services").conversation(cid).remove(uid, op, target)));
    return done.ok ? c.body(null, 204) : refused(c, done.error);
  });

  app.openapi(changeRoute, async (c) => {
    const { cid, uid: target } = c.req.valid("param");
    const { uid } = c.get("identity");
    const change = c.req.valid("json");
    const op = makeUlid(Date.now(), random(16));
    const member = veiled(await askFor(() => c.get("services").conversation(cid).setMember(uid, op, target, change)));
    return member.ok ? c.json({ member: member.value }, 200) : refused(c, member.error);
  });

  app.openapi(joinRoute, async (c) => {
    const services = keyed(c.get("services"));
    if (!services.ok) return refused(c, services.error);
    const { cid } = c.req.valid("param");
    const { uid } = c.get("identity");
    const key = c.req.valid("header")["idempotency-key"];
    const op = await changeId(services.value, uid, `POST /v1/groups/${cid}/join`, key, Date.now(), random);
    const group = veiled(await askFor(() => services.value.conversation(cid).join(uid, op)));
    return group.ok ? c.json({ group: group.value }, 200) : refused(c, group.error);
  });
}
