/** What `--redis` takes. */
import { err, ok, type Result } from "../../src/lib/result.ts";

/** The address as it is shown, without credentials; the error says what is wrong with it. */
export function redisName(url: string): Result<string, string> {
  const parsed = URL.parse(url);
  if (parsed === null || !/^rediss?:$/.test(parsed.protocol) || parsed.hostname === "") {
    return err("--redis takes redis://user:password@host:port");
  }
  if (!/^(?:|\/|\/\d{1,5})$/.test(parsed.pathname))
    return err("--redis takes the number of a database, if any: redis://…/0");
  return ok(`${parsed.hostname}:${parsed.port || "6379"}`);
}
