/** /v1/admin: for who holds the admin key. */
import { createRoute, z } from "@hono/zod-openapi";
import { KINDS } from "../../../config/routing.ts";
import { describeTable, explain } from "../../router/explain.ts";
import { MOST_RELAYS } from "../../router/relays.ts";
import { ask } from "./ask.ts";
import { json, refused, refusals, type App } from "./respond.ts";

const kind = z.enum(KINDS);

const Node = z
  .object({
    name: z.string(),
    weight: z.number(),
    priority: z.number(),
    healthy: z.boolean().openapi({ description: "Keys go to it." }),
    on_trial: z.literal(true).optional().openapi({ description: "It was ejected; its next report decides." }),
    ejected_until: z.number().optional().openapi({ description: "ms since the epoch; then it is tried again." }),
  })
  .openapi("RouteNode");

const Route = z
  .object({
    kind,
    key: z.string(),
    node: z.string(),
    epoch: z.number(),
    strategy: z.string(),
    nodes: z.array(Node),
    why: z.string(),
  })
  .openapi("Route");

const Table = z
  .object({
    epoch: z.number().openapi({ description: "0: the configured table, because no router has answered." }),
    policies: z.record(kind, z.object({ strategy: z.string(), nodes: z.array(Node) })),
  })
  .openapi("RoutingTable");

const Query = z.object({
  kind,
  key: z.string().min(1).max(256),
  relays: z.coerce.number().int().min(1).max(MOST_RELAYS).default(1).openapi({
    type: "integer",
    minimum: 1,
    maximum: MOST_RELAYS,
    default: 1,
    description: "For `relay`: of how many.",
  }),
});

const Report = z.object({ kind, node: z.string().min(1).max(64), ok: z.boolean() }).openapi("RouteReport");

const shared = { tags: ["admin"], security: [{ admin: [] }] };

const routeRoute = createRoute({
  ...shared,
  method: "get",
  path: "/v1/admin/route",
  operationId: "explainRoute",
  summary: "Which node a key belongs to, and why",
  request: { query: Query },
  responses: { 200: json("The decision.", Route), ...refusals },
});

const tableRoute = createRoute({
  ...shared,
  method: "get",
  path: "/v1/admin/routing",
  operationId: "getRouting",
  summary: "The routing table, with the health of its nodes",
  responses: { 200: json("The table.", Table), ...refusals },
});

const reportRoute = createRoute({
  ...shared,
  method: "post",
  path: "/v1/admin/routing/reports",
  operationId: "reportNode",
  summary: "Report that a node failed, or served",
  request: { body: { required: true, content: { "application/json": { schema: Report } } } },
  responses: { 200: json("The table after it.", Table), ...refusals },
});

/** Adds the routes of routing. */
export function adminRoutes(app: App): void {
  app.openapi(routeRoute, async (c) => {
    const { kind: of, key, relays } = c.req.valid("query");
    const { routes } = c.get("services");
    await routes.refresh();
    const view = explain(routes.table, of, key, { relays });
    return view.ok ? c.json(view.value, 200) : refused(c, view.error);
  });

  app.openapi(tableRoute, async (c) => {
    const { routes } = c.get("services");
    await routes.refresh();
    return c.json(describeTable(routes.table), 200);
  });

  app.openapi(reportRoute, async (c) => {
    const { kind: of, node, ok } = c.req.valid("json");
    const { router, routes } = c.get("services");
    const answer = await ask(() => router.report(of, node, ok));
    if (!answer.ok) return refused(c, answer.error);
    if (!answer.value.ok) return refused(c, answer.value.error);
    await routes.refresh();
    return c.json(describeTable(routes.table), 200);
  });
}
