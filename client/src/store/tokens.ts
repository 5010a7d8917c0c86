/** Where a browser keeps a login. */
import type { Tokens, TokenStore } from "../session.ts";
import { storeFailed } from "./store.ts";

/**
 * Keeps the tokens in `localStorage` under a name, so that all tabs have one login, and renews them in one tab at a time
 * where there are Web Locks. Where a browser keeps nothing, and where there is none, it fails with `store_failed`.
 */
export function localTokens(name: string): TokenStore {
  const key = `mpim:${name}:tokens`;
  return {
    async load() {
      const text = tried(() => localStorage.getItem(key));
      try {
        return text === null ? undefined : (JSON.parse(text) as Tokens);
      } catch {
        return undefined;
      }
    },
    async save(tokens) {
      tried(() => {
        if (tokens === undefined) localStorage.removeItem(key);
        else localStorage.setItem(key, JSON.stringify(tokens));
      });
    },
    async lock<T>(work: () => Promise<T>): Promise<T> {
      return navigator.locks === undefined ? work() : navigator.locks.request(key, work);
    },
  };
}

function tried<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw storeFailed("localStorage cannot be used", cause);
  }
}
