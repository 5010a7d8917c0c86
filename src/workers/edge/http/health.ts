/** /healthz and /readyz, for whoever watches a deployment. */
import { createRoute, z } from "@hono/zod-openapi";
import { describe, log } from "../../../observability/log.ts";
import { refuse } from "../../../protocol/codes.ts";
import { StoreError, type Store } from "../../../store/store.ts";
import { json, refused, refusals, type App } from "./respond.ts";

const Status = z.object({ status: z.string() });
const shared = { tags: ["health"], security: [] };

const healthRoute = createRoute({
  ...shared,
  method: "get",
  path: "/healthz",
  operationId: "health",
  summary: "Whether the process runs",
  responses: { 200: json("It does.", Status), ...refusals },
});

const readyRoute = createRoute({
  ...shared,
  method: "get",
  path: "/readyz",
  operationId: "ready",
  summary: "Whether requests can be served; the refusal names what is missing",
  responses: { 200: json("They can.", Status), ...refusals },
});

/** Adds the routes of health checks. */
export function healthRoutes(app: App): void {
  app.openapi(healthRoute, (c) => c.json({ status: "ok" }, 200));

  app.openapi(readyRoute, async (c) => {
    const { problems, store } = c.get("services");
    const found = [...problems, ...(await storeProblems(store))];
    if (found.length === 0) return c.json({ status: "ready" }, 200);
    return refused(c, refuse("unavailable", `not ready: ${found.join("; ")}`), { problems: found });
  });
}

async function storeProblems(store: Store): Promise<string[]> {
  try {
    await store.ping();
    return [];
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    log("error", "the store does not answer", describe(error));
    return ["the store does not answer, or its migrations are missing"];
  }
}
