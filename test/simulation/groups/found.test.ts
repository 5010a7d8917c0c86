import { describe, expect, test } from "vitest";
import { simulate } from "../simulate.ts";

/** Seeds that showed real faults of groups, by what was wrong; samples of their situations, as in found.test.ts. */
const FOUND: readonly [what: string, seed: number][] = [
  ["[RES1] who came back to a group with its whole history stayed a stranger to the own object", 11],
  ["[ORD2] entries came before the heads that a new link had asked for", 39],
  ["[DUP1] a repeated request to join took in again who had been removed since", 9],
  ["[ORD2] a device that lagged was taken for one that had everything when relays took over", 28],
  ["[UNR1] own messages were unread after a death of the group", 14],
  ["[RES1] a call that came late put the mode of a group back", 33],
  ["[RES1] an ack for an entry of relays was refused while the group went to push mode", 193],
  ["[RCP1] removing somebody counted as reading", 338],
  ["[ORD2] entries of relays came again after a membership that followed at once", 369],
  ["[RES1] a late answer about the membership before ended the one that followed", 499],
  ["[SEC1] a relay went on behind the head that said `left`, after a break of the other link", 933],
  ["[ORD2] pushes repeated what a relay had handed before its user came back", 1340],
  ["[ORD2] relays began where an object was that had lost what it had handed", 1366],
  ["[SEC1] the last entry came again after `left`, when the object had died", 1532],
];

describe("seeds that showed faults of groups", () => {
  test.for(FOUND)("%s: seed %i", ([, seed]) => {
    expect(simulate(seed, undefined, undefined, "groups").violation?.message).toBeUndefined();
  });
});
