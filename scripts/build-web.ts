/** `npm run build:web`: the web client, and the SDK for pages of others, into web/dist, which the edge serves. */
import { buildWeb } from "./local/web.ts";

const built = await buildWeb();
if (!built.ok) {
  console.error(`error: ${built.error}`);
  process.exitCode = 1;
}
