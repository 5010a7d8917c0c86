/** GET /v1/search: in the messages of one's own conversations. */
import { createRoute, z } from "@hono/zod-openapi";
import { messageFields } from "../../../durable-objects/message-json.ts";
import { refuse } from "../../../protocol/codes.ts";
import { Cid } from "../../../protocol/ids.ts";
import { termsOf } from "../../../store/search-tokens.ts";
import { characters } from "../text-rules.ts";
import { findMessages } from "./find-messages.ts";
import { json, refused, refusals, spliced, type App } from "./respond.ts";
import { decodeMessageCursor, encodeCursor } from "./search-cursor.ts";
import { Cursor, Limit, Message, Next } from "./views.ts";

const QUERY_CHARACTERS = 128;

const Query = z.object({
  q: z
    .string()
    .refine((text) => characters(text) <= QUERY_CHARACTERS, `at most ${QUERY_CHARACTERS} characters`)
    .refine((text) => termsOf(text).length > 0, "a word is needed")
    .openapi({
      type: "string",
      minLength: 1,
      maxLength: QUERY_CHARACTERS,
      description: "Words, all of which a message has; the last may be a beginning.",
    }),
  cid: Cid.optional().openapi({ description: "Only in this conversation." }),
  cursor: Cursor.optional(),
  limit: Limit(50, 20),
});

const Result = z.object({
  message: Message,
  highlights: z.array(z.tuple([z.number().int(), z.number().int()])).openapi({
    description:
      "Where the words stand in `body.text`, or in the `body.name` of an attachment: [from, to) in UTF-16 units.",
  }),
});
const Results = z.object({ results: z.array(Result), next: Next }).openapi("SearchPage");

const route = createRoute({
  method: "get",
  path: "/v1/search",
  operationId: "searchMessages",
  summary: "Messages of one's own conversations that have these words, newest first",
  tags: ["search"],
  request: { query: Query },
  responses: {
    200: json("A page of them; a short or empty one is not the last if there is `next`.", Results),
    ...refusals,
  },
});

/** Adds the route. */
export function searchRoutes(app: App): void {
  app.openapi(route, async (c) => {
    const { q, cid, cursor, limit } = c.req.valid("query");
    const position = cursor === undefined ? {} : decodeMessageCursor(cursor);
    if (position === undefined) return refused(c, refuse("invalid_argument", "cursor: not one of ours"));
    const services = c.get("services");
    const page = await findMessages(services, c.get("identity").uid, { text: q, cid, position, limit });
    if (!page.ok) return refused(c, page.error);
    const { found, next } = page.value;
    const results = found.map(
      ({ message, highlights }) =>
        `{"message":{${messageFields(message.cid, message, message.amended)}},"highlights":${JSON.stringify(highlights)}}`,
    );
    const rest = next === undefined ? "" : `,"next":${JSON.stringify(encodeCursor(next))}`;
    return spliced<z.infer<typeof Results>>(c, `{"results":[${results.join(",")}]${rest}}`);
  });
}
