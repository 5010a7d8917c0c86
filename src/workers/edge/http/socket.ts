/** GET /v1/ws: the door to the WebSocket protocol. Its first frame authenticates, so the route itself is public. */
import { createRoute } from "@hono/zod-openapi";
import { refuse } from "../../../protocol/codes.ts";
import { openConnection } from "../connection.ts";
import { refused, refusals, type App } from "./respond.ts";

const route = createRoute({
  method: "get",
  path: "/v1/ws",
  operationId: "connect",
  summary: "Open a WebSocket that speaks `mpim.v1.json`",
  tags: ["realtime"],
  security: [],
  responses: { 101: { description: "The connection is open; send `hello`." }, ...refusals },
});

/** Adds the route. */
export function socketRoute(app: App): void {
  app.openapi(route, (c) => {
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
      return refused(c, refuse("invalid_argument", "upgrade: websocket is needed"));
    }
    if (c.get("services").problems.length > 0) return refused(c, refuse("unavailable", "the server is not ready"));
    return openConnection(c.req.raw, c.env);
  });
}
