/** The statements that some work sends to a database. */
import { d1Store } from "../../src/store/d1/store.ts";
import { mysqlStore } from "../../src/store/mysql/store.ts";
import type { Store } from "../../src/store/store.ts";

type Work = (store: Store) => Promise<unknown>;

/** To D1; those of a batch, too. */
export async function d1Statements(binding: D1Database, work: Work): Promise<string[]> {
  const seen: string[] = [];
  const spy = new Proxy(binding, {
    get(target, property) {
      if (property !== "prepare") return (Reflect.get(target, property) as () => unknown).bind(target);
      return (query: string) => {
        seen.push(query);
        return target.prepare(query);
      };
    },
  });
  await work(d1Store(spy));
  return seen;
}

/** What D1 would do for a statement. */
export async function d1Plan(binding: D1Database, query: string): Promise<string[]> {
  const values = Array.from(query.matchAll(/\?/g), () => "x");
  const { results } = await binding
    .prepare(`EXPLAIN QUERY PLAN ${query}`)
    .bind(...values)
    .all<{ detail: string }>();
  return results.map((row) => row.detail);
}

/** To MySQL. */
export async function mysqlStatements(url: URL, work: Work): Promise<string[]> {
  const seen: string[] = [];
  const spy: typeof fetch = async (input, init) => {
    seen.push((JSON.parse(init?.body as string) as { query: string }).query);
    return fetch(input, init);
  };
  await work(mysqlStore({ url, fetch: spy }));
  return seen;
}
