/** What axe-core, the checker of the accessibility guidelines, says of a page. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Window } from "./stage.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds wrong on the screen as it is. */
export async function wrong({ page }: Window): Promise<string[]> {
  const here = await page.evaluate("typeof axe");
  if (here === "undefined") await page.evaluate(AXE);
  // Colours are what they are going to be.
  await page.evaluate(async () =>
    Promise.all(
      document
        .getAnimations()
        .filter((one) => one.effect?.getTiming().iterations !== Infinity)
        .map((one) => one.finished.catch(() => {})),
    ),
  );
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary ?? ""}`),
    );
  });
}
