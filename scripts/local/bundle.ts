/** The Worker as one module, the way wrangler bundles it for upload. */
import { build, stop } from "esbuild";
import { err, ok, type Result } from "../../src/lib/result.ts";

/** Bundles `entry` for the Workers runtime; the error lists what does not resolve or parse. */
export async function bundleWorker(entry: string): Promise<Result<string, string>> {
  try {
    const result = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      format: "esm",
      target: "es2024",
      conditions: ["workerd", "worker", "browser"],
      mainFields: ["browser", "module", "main"],
      external: ["node:*", "cloudflare:*"],
      loader: { ".sql": "text", ".txt": "text", ".html": "text" },
      logLevel: "silent",
    });
    return ok(result.outputFiles[0]?.text ?? "");
  } catch (error) {
    return err(`the Worker does not bundle: ${(error as Error).message}`);
  } finally {
    // Its service process would otherwise stay for as long as this one.
    await stop();
  }
}
