/** Where a browser keeps a login. */
import type { Tokens, TokenStore } from "../session.ts";

/**
 * Keeps the tokens in `localStorage` under a name, so that all tabs have one login, and renews them in one tab at a time
 * where there are Web Locks.
 */
export function localTokens(name: string): TokenStore {
  const key = `mpim:${name}:tokens`;
  return {
    load() {
      const text = localStorage.getItem(key);
      try {
        return Promise.resolve(text === null ? undefined : (JSON.parse(text) as Tokens));
      } catch {
        return Promise.resolve(undefined);
      }
    },
    save(tokens) {
      if (tokens === undefined) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify(tokens));
      return Promise.resolve();
    },
    async lock<T>(work: () => Promise<T>): Promise<T> {
      return navigator.locks === undefined ? work() : navigator.locks.request(key, work);
    },
  };
}
