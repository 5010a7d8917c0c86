/** /v1/conversations/:cid/receipts: who has an entry, and who has read it. */
import { createRoute, z } from "@hono/zod-openapi";
import { ok, type Result } from "../../../lib/result.ts";
import type { Refusal } from "../../../protocol/codes.ts";
import { kindOf, peerOf, type Cid, type Uid } from "../../../protocol/ids.ts";
import type { Services } from "../../env.ts";
import { askFor } from "./ask.ts";
import { After, ReceiptPage, Receipts } from "./group-views.ts";
import { mayBelongTo, NOT_MEMBER, veiled } from "./membership.ts";
import { json, refused, refusals, type App } from "./respond.ts";
import { CidParam, Limit } from "./views.ts";

const Param = CidParam.extend({
  seq: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).openapi({ type: "integer", minimum: 1 }),
});

const Query = z.object({
  list: z
    .enum(["read", "unread"])
    .optional()
    .openapi({ description: "Who has read it, or who has not, instead of how many." }),
  after: After,
  limit: Limit(1000, 100),
});
type Query = z.infer<typeof Query>;

const route = createRoute({
  method: "get",
  path: "/v1/conversations/{cid}/receipts/{seq}",
  operationId: "getReceipts",
  summary: "How many of the others have an entry and have read it, or who",
  tags: ["conversations"],
  request: { params: Param, query: Query },
  responses: { 200: json("Counts, or with `list` a page of users.", z.union([Receipts, ReceiptPage])), ...refusals },
});

/** Adds the route of receipts. */
export function receiptRoutes(app: App): void {
  app.openapi(route, async (c) => {
    const { cid, seq } = c.req.valid("param");
    const { uid } = c.get("identity");
    if (!mayBelongTo(cid, uid)) return refused(c, NOT_MEMBER);
    const receipts = veiled(await receiptsOf(c.get("services"), uid, cid, seq, c.req.valid("query")));
    return receipts.ok ? c.json(receipts.value, 200) : refused(c, receipts.error);
  });
}

async function receiptsOf(
  services: Services,
  uid: Uid,
  cid: Cid,
  seq: number,
  { list, after, limit }: Query,
): Promise<Result<z.infer<typeof Receipts> | z.infer<typeof ReceiptPage>, Refusal>> {
  if (kindOf(cid) === "group") {
    if (list === undefined) return askFor(() => services.conversation(cid).receipts(uid, seq));
    return askFor(() => services.conversation(cid).receiptList(uid, seq, list, after, limit));
  }
  const counts = await askFor(() => services.user(uid).peerMarks(cid, seq));
  if (list === undefined || !counts.ok) return counts;
  const peer = kindOf(cid) === "direct" ? peerOf(cid, uid) : undefined;
  const listed = counts.value.read > 0 === (list === "read");
  return ok({ users: peer !== undefined && listed && (after === undefined || peer > after) ? [peer] : [] });
}
