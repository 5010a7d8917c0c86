import { describe, expect, test } from "vitest";
import { simulate } from "./simulate.ts";

/**
 * Seeds that showed real faults, by what was wrong; each failed, with the mend taken out, when it was pinned. What happens in
 * a seed moves with the cores and with the simulated world, so a pin is a sample of its situation and no proof.
 */
const FOUND: readonly [what: string, seed: number][] = [
  ["[ORD2] the message that filled a window was handed again after the object's death", 59],
  ["[ORD2] an own message whose answer the disk refused was overtaken by the next", 120],
  ["[ORD2] an own message whose answer the disk refused was no message to the other devices", 368],
  ["[RES1] entries that a device alone knew of were asked for once, and forgotten in the sleep after", 868],
  ["[RCP1] a watermark died with the writer's object, and the reader held it for told", 43],
  ["[RCP1] a watermark for a chat that the writer's object had lost counted as told", 94],
  ["[RCP1] `read` was shown beyond `delivered`", 251],
  ["[RCP1] a watermark was told before its entry was known again, and then shown to nobody", 256],
  ["[RCP1] a peer's message showed a lower watermark than was known", 7],
  ["[RCP1] a watermark that rode on a lost answer was never told, however often the reader came back", 91],
  ["[UNR1] own messages inside a hole counted as unread", 6],
  ["[UNR1] so did those that were handed once, and died with the object before the hole", 51_892],
];

describe("seeds that showed faults", () => {
  test.for(FOUND)("%s: seed %i", ([, seed]) => {
    expect(simulate(seed).violation?.message).toBeUndefined();
  });
});
