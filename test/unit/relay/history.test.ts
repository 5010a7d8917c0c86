import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RelayLink } from "../../../src/durable-objects/relay/relay-link.ts";
import { history } from "../../support/arbitraries.ts";
import { Multicaster, type ALICE } from "./fixture.ts";

describe("any history", () => {
  type Step =
    | { do: "write"; count: number }
    | { do: "join" | "attach" | "admit" | "refuse" | "ack" | "close"; link: number }
    | { do: "sleep" | "probe" | "repeat" }
    | { do: "wait"; ms: number };
  const which = fc.nat({ max: 3 });
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("write" as const), count: fc.integer({ min: 1, max: 4 }) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom("join", "join", "attach", "admit", "refuse", "ack", "ack", "close"),
        link: which,
      }),
    },
    fc.constantFrom<Step>({ do: "sleep" }, { do: "probe" }, { do: "repeat" }),
    fc.record({ do: fc.constant("wait" as const), ms: fc.nat({ max: 2000 }) }),
  );

  test("[ORD2] a link gets ascending entries, without a hole but where it was told that it lags", () => {
    let handed = 0;
    fc.assert(
      fc.property(history(step, 60), fc.integer({ min: 1, max: 6 }), (steps, window) => {
        const world = new Multicaster({ limits: { window } });
        let [head, from] = [0, 0];
        let links: (RelayLink | undefined)[] = [];
        const slept = new Set<RelayLink>();
        /** What each listener has or was told of, by its place. */
        const has = [0, 0, 0, 0];
        const look = (): void => {
          for (const [i, link] of links.entries()) {
            for (const word of link === undefined ? [] : world.take(link)) {
              const [first = "", second] = word.split(/[ –]/);
              const last = has[i] ?? 0;
              if (/^\d/.test(first)) {
                handed += 1;
                // After sleep a relay does not know what a link has: the edge drops what it had.
                const known = link !== undefined && !slept.has(link);
                if (Number(first) > last + 1 || (known && Number(first) !== last + 1)) {
                  throw new Error(`${word} after ${last}`);
                }
                has[i] = Math.max(last, Number(second));
              } else if (first === "behind" || first === "head") has[i] = Math.max(last, Number(second));
            }
          }
          for (const [i, link] of links.entries()) if (link && !world.relay.links.has(link)) links[i] = undefined;
        };
        const multicast = (first: number): void => {
          const reply = world.multicast(first, head, { from });
          from = reply.links === 0 ? head : reply.have;
        };
        for (const one of steps) {
          const place = "link" in one ? one.link : 0;
          const link = links[place];
          if (one.do === "write") {
            head += one.count;
            multicast(from + 1);
          } else if (one.do === "repeat" || one.do === "probe") {
            multicast(one.do === "probe" ? head + 1 : Math.max(1, Math.min(from, head - 2)));
          } else if (one.do === "attach" || one.do === "join") {
            const fresh = world.attach(`user${place}` as typeof ALICE, { after: has[place] ?? 0 });
            links[place] = fresh;
            if (one.do === "join") world.admit(fresh, head);
          } else if (one.do === "admit" && link?.joining !== undefined) world.admit(link, head);
          else if (one.do === "refuse" && link?.joining !== undefined) world.refuse(link, "unavailable", 1000);
          else if (one.do === "ack" && link !== undefined) world.up(link, ["ack", has[place] ?? 0]);
          else if (one.do === "close" && link !== undefined) world.relay.closed(link);
          else if (one.do === "sleep" && world.relay.nextTick() === undefined) {
            const woken = world.hibernate();
            for (const kept of woken) slept.add(kept);
            const places = new Map(woken.map((kept) => [kept.uid as string, kept]));
            links = links.map((_, i) => places.get(`user${i}`));
          } else if (one.do === "wait") world.wait(one.ms);
          look();
        }
        // At the end nobody who listens lacks anything without knowing it.
        world.wait(2000);
        look();
        for (const [i, link] of links.entries()) if (link && link.since !== undefined) expect(has[i]).toBe(head);
      }),
      { numRuns: 400 },
    );
    expect(handed).toBeGreaterThan(1000);
  });
});
