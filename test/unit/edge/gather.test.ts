import { describe, expect, it } from "vitest";
import { Gather } from "../../../src/workers/edge/gather.ts";

/** A gatherer whose turns pass when the test says so. */
function setUp() {
  const sent: unknown[] = [];
  const turns: (() => void)[] = [];
  const gather = new Gather(
    (text) => sent.push(JSON.parse(text)),
    () => new Promise((resolve) => turns.push(resolve)),
  );
  const pass = async (): Promise<void> => {
    turns.shift()?.();
    await Promise.resolve();
    await Promise.resolve();
  };
  return { gather, sent, pass };
}

describe("gathering", () => {
  it("lets a lone frame go after one turn", async () => {
    const { gather, sent, pass } = setUp();
    gather.add("[1]");
    expect(sent).toEqual([]);
    await pass();
    expect(sent).toEqual([[1]]);
  });

  it("sends what comes turn after turn as one array, in order", async () => {
    const { gather, sent, pass } = setUp();
    gather.add("[1]");
    gather.add("[2,3]");
    await pass();
    gather.add('["]"]');
    await pass();
    expect(sent).toEqual([]);
    await pass();
    expect(sent).toEqual([[1, 2, 3, "]"]]);
  });

  it("starts anew after it has sent", async () => {
    const { gather, sent, pass } = setUp();
    gather.add("[1]");
    await pass();
    gather.add("[2]");
    await pass();
    expect(sent).toEqual([[1], [2]]);
  });

  it("waits no longer when much has come", () => {
    const { gather, sent } = setUp();
    const long = "x".repeat(40_000);
    gather.add(`["${long}"]`);
    gather.add(`["${long}"]`);
    expect(sent).toEqual([[long, long]]);
  });

  it("sends at once, or not at all, when it is told so", async () => {
    const { gather, sent, pass } = setUp();
    gather.add("[1]");
    gather.flush();
    expect(sent).toEqual([[1]]);
    gather.add("[2]");
    expect(gather.clear()).toEqual(["[2]"]);
    await pass();
    await pass();
    expect(sent).toEqual([[1]]);
  });
});
