/** The web client's pages. Where the platform serves them by itself, requests for them do not come here. */
import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "./respond.ts";

/** What the Worker answers itself; `run_worker_first` in wrangler.toml names the same. */
const OWN = /^\/(?:v1(?:\/|$)|healthz$|readyz$|metrics$)/;

/** Passes what is no call of the API on to the static files, whose headers are in web/public/_headers. */
export const pages: MiddlewareHandler<AppEnv> = async (c, next) => {
  const { ASSETS } = c.env;
  const page = c.req.method === "GET" || c.req.method === "HEAD";
  if (ASSETS === undefined || !page || OWN.test(c.req.path)) return next();
  const answer = await ASSETS.fetch(c.req.raw);
  return answer.status === 404 ? next() : answer;
};
