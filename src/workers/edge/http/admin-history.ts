/** /v1/admin/conversations: a conversation's history in its object and in the store. */
import { createRoute, z } from "@hono/zod-openapi";
import { askFor } from "./ask.ts";
import { json, refused, refusals, type App } from "./respond.ts";
import { CidParam } from "./views.ts";

const seqs = (description: string) => z.array(z.number()).openapi({ description });

const Verification = z
  .object({
    head: z.number(),
    first: z.number().openapi({ description: "The oldest entry that the object has itself." }),
    archived: z.number().openapi({ description: "The store was told everything up to here." }),
    failures: z
      .number()
      .openapi({ description: "Writes to the store that failed in a row; `head - archived` entries wait." }),
    reachable: z.boolean().openapi({ description: "False: the store does not answer, so nothing was compared." }),
    stored: z.number().openapi({ description: "The highest seq in the store." }),
    from: z.number(),
    to: z
      .number()
      .openapi({ description: "Looked at, both ends included; go on with `after` at `to` until it is `archived`." }),
    waiting: seqs("Amended, and not told to the store yet."),
    missing: seqs("Not in the store."),
    different: seqs("Something else in the store than in the object."),
  })
  .openapi("HistoryVerification");

const verifyRoute = createRoute({
  tags: ["admin"],
  security: [{ admin: [] }],
  method: "get",
  path: "/v1/admin/conversations/{cid}/history",
  operationId: "verifyHistory",
  summary: "Compare a conversation's history in its object and in the store",
  request: {
    params: CidParam,
    query: z.object({
      after: z.coerce.number().int().min(0).default(0).openapi({ type: "integer", minimum: 0, default: 0 }),
    }),
  },
  responses: { 200: json("What the comparison found.", Verification), ...refusals },
});

/** Adds the routes of history. */
export function adminHistoryRoutes(app: App): void {
  app.openapi(verifyRoute, async (c) => {
    const { cid } = c.req.valid("param");
    const { after } = c.req.valid("query");
    const found = await askFor(() => c.get("services").conversation(cid).verify(after));
    if (!found.ok) return refused(c, found.error);
    const { waiting, missing, different, ...rest } = found.value;
    return c.json({ ...rest, waiting: [...waiting], missing: [...missing], different: [...different] }, 200);
  });
}
