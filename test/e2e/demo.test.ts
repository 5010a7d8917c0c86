/** `npm start` and `npm run demo` as a newcomer runs them. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");

function npm(...args: string[]): { child: ChildProcess; output: () => string } {
  const child = spawn("npm", args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return { child, output: () => text };
}

async function demo(url: string): Promise<{ code: number | null; output: string }> {
  const { child, output } = npm("run", "demo", "--", "--url", url);
  await once(child, "close");
  return { code: child.exitCode, output: output() };
}

test("the demo shows what it promises, again on a server that has data, and says so when there is no server", async () => {
  const data = mkdtempSync(join(tmpdir(), "mpim-demo-"));
  const server = npm("start", "--", "--port", "0", "--data", data);
  const ended = once(server.child, "close");
  const stop = async (): Promise<void> => {
    server.child.kill("SIGTERM");
    await ended;
    rmSync(data, { recursive: true, force: true });
  };
  onTestFinished(stop);
  const { promise, resolve: found } = Promise.withResolvers<string>();
  server.child.stdout?.on("data", () => {
    const url = /^ready (http:\S+)$/m.exec(server.output())?.[1];
    if (url !== undefined) found(url);
  });
  const url = await Promise.race([promise, ended.then(() => "")]);
  expect(url, server.output()).not.toBe("");
  for (const _ of ["first", "second"]) {
    const { code, output } = await demo(url);
    expect(code, output).toBe(0);
    const told = [
      /Alice's phone +to Bob: Lunch at noon\? +✓ sent/,
      /Bob's laptop +Alice: Lunch at noon\?/,
      /Alice's phone +"Lunch at noon\?" to Bob: ✓✓ delivered/,
      /Alice's phone +"Lunch at noon\?" to Bob: ✓✓ read/,
      /Alice's phone +Bob is typing/,
      /Bob's phone +now shows: .*\(edited\) +👍 1/,
      /Bob's laptop +now shows: \(message recalled\)/,
      /Carol's tablet +chat with Alice: 2 unread/,
      /Carol's tablet +to Alice: .* ✓ sent, from the outbox/,
      /Alice's phone +makes the group "Cake" with Bob and Carol/,
      /Carol's tablet +Alice: Who brings plates\?/,
      /Alice's phone +"Who brings plates\?" to Carol: ✓✓ delivered/,
      /Bob's laptop +now shows "Lunch and cake"/,
      /Carol's tablet +is told that she is out/,
      /Alice's phone +Bob: We buy her a present, too/,
      /Carol's tablet +gets nothing more of it, and may not read it: not_member/,
      /^Everything arrived/m,
    ];
    expect(told.filter((line) => !line.test(output))).toEqual([]);
    const places = told.map((line) => output.search(line));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  }
  await stop();

  const { code, output } = await demo(url);
  expect(code).toBe(1);
  expect(output).toContain(`the demo failed: no server answers at ${url}`);
  expect(output).not.toMatch(/^ +at /m);
});
