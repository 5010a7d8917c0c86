/** A bot that is killed again and again while it answers. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { seeded } from "../support/random.ts";
import { startServer } from "../support/server.ts";
import { config, Person } from "./people.ts";

const QUESTIONS = 40;
const KILLS = 20;
const SEED = Number(process.env["E2E_SEED"] ?? 20_261_125);

test("[DUP1] a bot that is killed at any moment answers each message once, and none from before its first start", async () => {
  const random = seeded(SEED);
  await using server = await startServer({ config });
  await using alice = await Person.register(server.url, "alice");
  await using bot = await Person.register(server.url, "bot");
  const token = await bot.session.token({ refused: undefined });
  const folder = mkdtempSync(join(tmpdir(), "mpim-bot-"));
  const start = async (): Promise<ChildProcess> => {
    const args = [join(import.meta.dirname, "answering.ts"), server.url, token, join(folder, "store"), "150"];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    return child;
  };
  const a = await alice.device();
  const room = await a.chat.direct(bot.uid);
  const answers = (): number[] => room.messages.flatMap(({ mine, replyTo = 0 }) => (mine ? [] : [replyTo]));
  const questions = (): number[] => room.messages.flatMap(({ mine, seq = 0 }) => (mine && seq > past ? [seq] : []));
  const { seq: past } = await room.send("written before there was a bot").sent();
  let child: ChildProcess | undefined;
  try {
    child = await start();
    for (let kill = 1; kill <= KILLS; kill += 1) {
      for (let n = 0; n < QUESTIONS / KILLS; n += 1) room.send(`question ${kill}.${n}`);
      // After some of it: in the middle of a pause, or of an answer's way.
      await new Promise((resolve) => setTimeout(resolve, random() * 400));
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      child = await start();
    }
    await a.until(() => new Set(answers()).size === QUESTIONS, "answer to everything");
    // Whatever was sent twice would stand before the answer to this.
    room.send("last question");
    await a.until(() => answers().length > 0 && questions().length === QUESTIONS + 1, "last question");
    await a.until(() => answers().includes(questions().at(-1) ?? 0), "last answer");
  } finally {
    child?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
  expect(answers().toSorted((x, y) => x - y)).toEqual(questions());
  expect(answers().length).toBe(QUESTIONS + 1);
});
