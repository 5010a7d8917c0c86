/** Services with a usable key: what signs tokens and makes keyed hashes needs one. */
import { err, ok, type Result } from "../../../lib/result.ts";
import { refuse, type Refusal } from "../../../protocol/codes.ts";
import type { Services } from "../../env.ts";
import type { TokenKey } from "../tokens.ts";

export type KeyedServices = Services & { readonly tokenKey: TokenKey };

/** Refuses where there is no key. The door lets nobody in then, so this is for the compiler, and for when it is wrong. */
export function keyed(services: Services): Result<KeyedServices, Refusal> {
  const { tokenKey } = services;
  if (tokenKey === undefined) return err(refuse("unavailable", "the server is not ready"));
  return ok({ ...services, tokenKey });
}
