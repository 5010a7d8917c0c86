/** Calls from the edge to objects. */
import { err, ok, type Result } from "../../../lib/result.ts";
import { describe, log } from "../../../observability/log.ts";
import { refuse, type Refusal } from "../../../protocol/codes.ts";

/** When a client should come back after an object did not answer. */
const RETRY_MS = 1_000;

/**
 * Asks an object, and once more when the failure says that it may pass (an object that restarted, a lost connection). Only
 * for idempotent calls, since the first may have taken effect. `call` takes a fresh stub each time: one that threw is broken.
 */
export async function ask<T>(call: () => Promise<T>): Promise<Result<T, Refusal>> {
  try {
    return ok(await call());
  } catch (first) {
    if (!passes(first)) return failed(first);
  }
  try {
    return ok(await call());
  } catch (second) {
    return failed(second);
  }
}

/** Asks an object for something that it may refuse; its refusal and its silence are one to the caller. */
export async function askFor<T>(call: () => Promise<Result<T, Refusal>>): Promise<Result<T, Refusal>> {
  const answer = await ask(call);
  return answer.ok ? answer.value : answer;
}

function passes(error: unknown): boolean {
  const { retryable, overloaded, durableObjectReset } = flags(error);
  // An overloaded object is not helped by being asked again at once.
  return !overloaded && (retryable || durableObjectReset);
}

function failed(error: unknown): Result<never, Refusal> {
  log("error", "an object did not answer", describe(error));
  const code = flags(error).overloaded ? "overloaded" : "unavailable";
  return err(refuse(code, "this cannot be answered now", RETRY_MS));
}

/** What the runtime notes on an error that comes from an object. */
function flags(error: unknown): Record<"retryable" | "overloaded" | "durableObjectReset", boolean> {
  const noted = (typeof error === "object" && error !== null ? error : {}) as Record<string, unknown>;
  return {
    retryable: noted["retryable"] === true,
    overloaded: noted["overloaded"] === true,
    durableObjectReset: noted["durableObjectReset"] === true,
  };
}
