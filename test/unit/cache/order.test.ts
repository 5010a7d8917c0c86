/** Whatever overtakes whatever, nobody reads what is older than a change that was made known to him. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeRedis, isolate, OPTIONS, THING, Time, type Isolate, type Thing } from "./fixture.ts";

type Step =
  | { readonly do: "read" | "write" | "remove"; readonly isolate: number; readonly ids: readonly string[] }
  | { readonly do: "advance"; readonly ms: number }
  | { readonly do: "go"; readonly times: number }
  | { readonly do: "fail"; readonly down: boolean };

// Mostly one id, so that much of what happens concerns it.
const ids = fc.oneof({ weight: 5, arbitrary: fc.constant(["a"]) }, { weight: 1, arbitrary: fc.constant(["a", "b"]) });
const who = fc.nat({ max: 1 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("read" as const), isolate: who, ids }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom("write" as const, "remove" as const), isolate: who, ids }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("advance" as const),
        ms: fc.constantFrom(1, 200, 900, 4_500, 4_500, 31_000, 61_000),
      }),
    },
    { weight: 8, arbitrary: fc.record({ do: fc.constant("go" as const), times: fc.integer({ min: 1, max: 8 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("fail" as const), down: fc.boolean() }) },
  ),
  { minLength: 5, maxLength: 50, size: "max" },
);

/** How long an isolate may not hear of what another did. */
const UNHEARD_MS = Math.max(THING.isolate_ms + THING.stale_ms, OPTIONS.flight_ms);

/** The source: what each id was, one state after the other; state 0 is that there is none. */
class Source {
  readonly states = new Map<string, (Thing | undefined)[]>();
  #version = 0;

  of(id: string): (Thing | undefined)[] {
    const known = this.states.get(id) ?? [undefined];
    this.states.set(id, known);
    return known;
  }

  /** The version of the change; a removal has one, too, which no value gets. */
  change(id: string, remove: boolean): { version: number; value: Thing | undefined; state: number } {
    this.#version += 1;
    const value = remove ? undefined : { n: this.#version };
    return { version: this.#version, value, state: this.of(id).push(value) - 1 };
  }
}

test("a read is never older than what its isolate made known, nor than what the others did a while ago", async () => {
  const seen = { isolate: 0, redis: 0, stale: 0, joined: 0, late: 0, negative: 0, owed: 0 };
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.constantFrom(8_000, 200_000), steps, async (s, ttl_ms, list) => {
      const kind = { ...THING, ttl_ms };
      const time = new Time();
      const redis = new FakeRedis(time);
      redis.way = () => s.schedule(Promise.resolve());
      const isolates: Isolate[] = [isolate(time, redis), isolate(time, redis)];
      const source = new Source();
      const told: { isolate: number; id: string; state: number; at: number; heard: boolean }[] = [];
      const running: Promise<void>[] = [];

      const read = async (by: number, wanted: readonly string[]): Promise<void> => {
        const began = time.now;
        const least = wanted.map((id) =>
          Math.max(
            0,
            ...told
              .filter((one) => one.id === id && (one.isolate === by || (one.heard && one.at < began - UNHEARD_MS)))
              .map(({ state }) => state),
          ),
        );
        const values = await isolates[by]?.cache.readMany(kind, wanted, async (missing) => {
          await s.schedule(Promise.resolve());
          const rows = missing.map((id) => [id, source.of(id).at(-1)] as const);
          await s.schedule(Promise.resolve());
          return new Map(rows.filter((row): row is [string, Thing] => row[1] !== undefined));
        });
        for (const [i, id] of wanted.entries()) {
          const states = source.of(id).slice(least[i]);
          expect(states.map((state) => state?.n)).toContain(values?.get(id)?.n);
        }
      };
      const change = async (by: number, id: string, remove: boolean): Promise<void> => {
        const began = time.now;
        await s.schedule(Promise.resolve());
        const { version, value, state } = source.change(id, remove);
        await s.schedule(Promise.resolve());
        const { cache } = isolates[by] as Isolate;
        await (value === undefined ? cache.invalidate(kind, id, version) : cache.write(kind, id, value, began));
        told.push({ isolate: by, id, state, at: time.now, heard: redis.version(`t:thing:${id}`) >= version });
      };

      for (const one of list) {
        if (one.do === "advance") time.advance(one.ms);
        else if (one.do === "fail") redis.down = one.down;
        else if (one.do === "go") for (let i = 0; i < one.times && s.count() > 0; i += 1) await s.waitOne();
        else if (one.do === "read") running.push(read(one.isolate, one.ids));
        else for (const id of one.ids) running.push(change(one.isolate, id, one.do === "remove"));
      }
      await s.waitFor(Promise.all(running));
      for (const { cache } of isolates) {
        const { kinds, redis: remotes } = cache.metrics();
        const counts = kinds["thing"];
        if (counts !== undefined)
          for (const key of Object.keys(seen) as (keyof typeof seen)[]) if (key !== "owed") seen[key] += counts[key];
        seen.owed += remotes.metadata?.owed ?? 0;
      }
    }),
    { numRuns: 2000 },
  );
  // All of what may go wrong was there.
  for (const [what, count] of Object.entries(seen)) expect(`${what} ${count > 20}`).toBe(`${what} true`);
});
