/** The client has types and a table of its own, so that it stands alone; here they are held against the server's. */
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, expectTypeOf, test } from "vitest";
import { reactionTo, type ErrorCode } from "../../../client/src/errors.ts";
import type * as wire from "../../../client/src/wire.ts";
import { CODES, type Code } from "../../../src/protocol/codes.ts";
import type { ClientFrame, HeadView, MessageView, ServerFrame } from "../../../src/protocol/frames.ts";

test("what the server says, the client's types can hold", () => {
  expectTypeOf<ServerFrame>().toExtend<wire.ServerFrame>();
  expectTypeOf<HeadView>().toExtend<wire.WireHead>();
  expectTypeOf<MessageView>().toExtend<wire.WireMessage>();
  expectTypeOf<wire.ServerFrame["t"]>().toEqualTypeOf<ServerFrame["t"]>();
  expectTypeOf<wire.ClientFrame["t"]>().toEqualTypeOf<ClientFrame["t"]>();
});

test("each code asks for the same as with the server", () => {
  expectTypeOf<Code>().toExtend<ErrorCode>();
  for (const [code, { reaction }] of Object.entries(CODES))
    expect(`${code} ${reactionTo(code)}`).toBe(`${code} ${reaction}`);
  expect(["closed", "offline", "wrong_store", "store_failed", "of a newer server"].map(reactionTo)).toEqual([
    "never",
    "later",
    "never",
    "never",
    "never",
  ]);
});

async function size(contents: string): Promise<number> {
  const stdin = { contents, resolveDir: "client/src", loader: "ts" as const };
  const { outputFiles } = await build({
    stdin,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    write: false,
  });
  return gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length;
}

test("what a page loads stays small, in bytes as they travel", async () => {
  // The core, which decides; with its socket, timers and a store in memory; with all that `connect` brings; everything.
  expect(await size(`export { Core } from "./core/core.ts"`)).toBeLessThan(14_000);
  expect(await size(`export { Shell } from "./shell.ts"; export { memory } from "./store/store.ts"`)).toBeLessThan(
    17_200,
  );
  expect(await size(`export { connect } from "./mpim.ts"`)).toBeLessThan(24_500);
  expect(await size(`export * from "./mpim.ts"`)).toBeLessThan(26_800);
});
