/** The entry of the script that holds everything: the edge's handler, the router and the object classes. */
import { makeApp } from "./edge/app.ts";
import type { Env } from "./env.ts";

export { ConversationObject } from "../durable-objects/conversation/conversation-object.ts";
export { RelayObject } from "../durable-objects/relay/relay-object.ts";
export { UserObject } from "../durable-objects/user/user-object.ts";
export { Router } from "./router/router.ts";
export { RoutingObject } from "./router/routing-object.ts";

const app = makeApp();

export default {
  fetch: (request, env, ctx) => app.fetch(request, env, ctx),
} satisfies ExportedHandler<Env>;
