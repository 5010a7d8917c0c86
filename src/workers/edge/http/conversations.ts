/** /v1/conversations. */
import { createRoute, z } from "@hono/zod-openapi";
import { PULL_LIMIT } from "../../../protocol/frames.ts";
import { ask, askFor } from "./ask.ts";
import { json, refused, refusals, spliced, type App } from "./respond.ts";
import { mayBelongTo, NOT_MEMBER, veiled } from "./membership.ts";
import { CidParam, Head, Limit, MessagePage, Next, VersionCursor } from "./views.ts";

const Heads = z.object({ heads: z.array(Head), next: Next }).openapi("ConversationPage");

const Change = z
  .object({ muted: z.boolean().optional(), pinned: z.boolean().optional() })
  .refine((change) => change.muted !== undefined || change.pinned !== undefined, "muted or pinned is needed")
  .openapi("ConversationChange");

const position = (least: 0 | 1, description: string) =>
  z.coerce
    .number()
    .int()
    .min(least)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .openapi({ type: "integer", minimum: least, description });

const tags = ["conversations"];

const listRoute = createRoute({
  method: "get",
  path: "/v1/conversations",
  operationId: "listConversations",
  summary: "One's conversations, newest change first",
  tags,
  request: { query: z.object({ cursor: VersionCursor.optional(), limit: Limit(100, 50) }) },
  responses: { 200: json("A page of conversations.", Heads), ...refusals },
});

const changeRoute = createRoute({
  method: "patch",
  path: "/v1/conversations/{cid}",
  operationId: "changeConversation",
  summary: "Mute or pin a conversation, for oneself",
  tags,
  request: { params: CidParam, body: { required: true, content: { "application/json": { schema: Change } } } },
  responses: { 200: json("The conversation, changed.", Head), ...refusals },
});

const messagesRoute = createRoute({
  method: "get",
  path: "/v1/conversations/{cid}/messages",
  operationId: "listMessages",
  summary: "A page of messages, ascending; without bounds the newest",
  tags,
  request: {
    params: CidParam,
    query: z.object({
      before: position(1, "Only messages below this seq."),
      after: position(0, "Only messages above this seq; wins over `before`."),
      limit: Limit(PULL_LIMIT, 50),
    }),
  },
  responses: { 200: json("The page.", MessagePage), ...refusals },
});

/** Adds the routes of conversations. */
export function conversationRoutes(app: App): void {
  app.openapi(listRoute, async (c) => {
    const { cursor, limit } = c.req.valid("query");
    const { uid } = c.get("identity");
    const page = await ask(() => c.get("services").user(uid).conversations(cursor, limit));
    return page.ok ? spliced<z.infer<typeof Heads>>(c, JSON.stringify(page.value)) : refused(c, page.error);
  });

  app.openapi(changeRoute, async (c) => {
    const { cid } = c.req.valid("param");
    const { muted, pinned } = c.req.valid("json");
    const { uid } = c.get("identity");
    const head = await askFor(() => c.get("services").user(uid).setConversation(cid, { muted, pinned }));
    if (!head.ok) return refused(c, head.error);
    return spliced<z.infer<typeof Head>>(c, JSON.stringify(head.value));
  });

  app.openapi(messagesRoute, async (c) => {
    const { cid } = c.req.valid("param");
    const { before, after, limit } = c.req.valid("query");
    const { uid } = c.get("identity");
    // SEC1: what names two other people is refused here, so that asking for it neither makes nor wakes an object.
    if (!mayBelongTo(cid, uid)) return refused(c, NOT_MEMBER);
    const page = veiled(await askFor(() => c.get("services").conversation(cid).page(uid, { before, after, limit })));
    if (!page.ok) return refused(c, page.error);
    const { messages, head, more } = page.value;
    return spliced<z.infer<typeof MessagePage>>(
      c,
      `{"messages":[${messages.join(",")}],"head":${head},"more":${more}}`,
    );
  });
}
