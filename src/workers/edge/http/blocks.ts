/** /v1/blocks. */
import { createRoute, z } from "@hono/zod-openapi";
import { err, ok, type Result } from "../../../lib/result.ts";
import { refuse, type Refusal } from "../../../protocol/codes.ts";
import { Uid } from "../../../protocol/ids.ts";
import type { Services } from "../../env.ts";
import { ask } from "./ask.ts";
import { json, refused, refusals, type App } from "./respond.ts";
import { UidParam } from "./views.ts";

const tags = ["blocks"];

const listRoute = createRoute({
  method: "get",
  path: "/v1/blocks",
  operationId: "listBlocks",
  summary: "Whom one blocks",
  tags,
  responses: { 200: json("User ids.", z.object({ blocks: z.array(Uid) }).openapi("Blocks")), ...refusals },
});

const addRoute = createRoute({
  method: "put",
  path: "/v1/blocks/{uid}",
  operationId: "block",
  summary: "Block a user",
  tags,
  request: { params: UidParam },
  responses: { 204: { description: "Blocked." }, ...refusals },
});

const removeRoute = createRoute({
  method: "delete",
  path: "/v1/blocks/{uid}",
  operationId: "unblock",
  summary: "No longer block a user",
  tags,
  request: { params: UidParam },
  responses: { 204: { description: "Not blocked." }, ...refusals },
});

/** Adds the routes of blocks. */
export function blockRoutes(app: App): void {
  app.openapi(listRoute, async (c) => {
    const { uid } = c.get("identity");
    const blocks = await ask(() => c.get("services").user(uid).blocks());
    return blocks.ok ? c.json({ blocks: blocks.value }, 200) : refused(c, blocks.error);
  });

  app.openapi(addRoute, async (c) => {
    const done = await set(c.get("services"), c.get("identity").uid, c.req.valid("param").uid, true);
    return done.ok ? c.body(null, 204) : refused(c, done.error);
  });

  app.openapi(removeRoute, async (c) => {
    const done = await set(c.get("services"), c.get("identity").uid, c.req.valid("param").uid, false);
    return done.ok ? c.body(null, 204) : refused(c, done.error);
  });
}

async function set(services: Services, uid: Uid, other: Uid, on: boolean): Promise<Result<void, Refusal>> {
  if (uid === other) return err(refuse("invalid_argument", "uid: oneself"));
  if (!(await services.users.exists(other))) {
    // An account that is gone can still be taken off the list.
    const blocks = on ? ok([]) : await ask(() => services.user(uid).blocks());
    if (!blocks.ok) return blocks;
    if (!blocks.value.includes(other)) return err(refuse("not_found", "no such user"));
  }
  return ask(() => services.user(uid).setBlock(other, on));
}
