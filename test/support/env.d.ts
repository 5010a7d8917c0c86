/** What `cloudflare:workers` gives to test files inside the runtime. */
import type { D1Migration } from "cloudflare:test";
import type { Env as WorkerEnv } from "../../src/workers/env.ts";
import type * as Main from "../../src/workers/main.ts";

declare global {
  namespace Cloudflare {
    interface Env extends WorkerEnv {
      readonly DB: D1Database;
      readonly TEST_MIGRATIONS: D1Migration[];
      /** In the project `store`: address of a gateway to a migrated MySQL database; empty when there is no MySQL. */
      readonly TEST_MYSQL: string;
      /** In the project `store`: a gateway to a real Redis; empty when there is none. */
      readonly TEST_REDIS: { readonly url: string; readonly token: string };
      /** In the project `store`: where `openProxy` makes proxies. */
      readonly TEST_PROXIES: string;
    }
    interface GlobalProps {
      readonly mainModule: typeof Main;
      readonly durableNamespaces: "UserObject" | "ConversationObject" | "RelayObject" | "RoutingObject";
    }
  }
}
