/** A server that lost what it had and was put back to a backup: devices that know more begin anew. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startServer, type Server } from "../support/server.ts";
import { Waiting } from "../support/waiting.ts";
import { config, Person } from "./people.ts";

/** Kills the server, and waits for its runtime, which ends a moment later and writes to the folder until then. */
async function killed(server: Server): Promise<void> {
  await server.kill9();
  const answers = async (): Promise<boolean> =>
    fetch(`${server.url}/healthz`).then(
      () => true,
      () => false,
    );
  while (await answers()) await new Promise((resolve) => setTimeout(resolve, 20));
}

test("[RES1] what is written after a server was put back to a backup is seen by devices that had more", async () => {
  const backup = mkdtempSync(join(tmpdir(), "mpim-backup-"));
  let server = await startServer({ config });
  const { data, port } = server;
  try {
    await using alice = await Person.register(server.url, "alice");
    await using bob = await Person.register(server.url, "bob");
    const a = await alice.device();
    const b = await bob.device();
    const [atA, atB] = [await a.chat.direct(bob.uid), await b.chat.direct(alice.uid)];
    await atA.send("kept").sent();
    await b.until(() => atB.messages.length === 1, "the first message");
    const served: string[] = [];
    // By itself: it is served after the event that brought it, and no other may come.
    const serves = new Waiting();
    const serve = async (): Promise<void> => {
      for await (const message of atB.after(0)) {
        served.push(message.text);
        atB.handled(message);
        serves.wake();
      }
    };
    const serving = serve();
    await killed(server);
    cpSync(data, backup, { recursive: true });
    server = await startServer({ data, port, config });
    for (let n = 1; n <= 10; n += 1) await atA.send(`lost ${n}`).sent();
    await serves.until(
      () => served.length === 11,
      () => "what will be lost is not served",
    );

    await killed(server);
    rmSync(data, { recursive: true });
    cpSync(backup, data, { recursive: true });
    server = await startServer({ data, port, config });
    expect((await atA.send("new").sent()).seq).toBe(2);
    for (const [one, room] of [
      [a, atA],
      [b, atB],
    ] as const) {
      await one.until(() => room.messages.at(-1)?.text === "new", "what was written since");
      expect(room.messages.map(({ text }) => text)).toEqual(["kept", "new"]);
      expect(room.head).toBe(2);
    }
    expect(atB.unread).toBe(2);
    // Who reads by place goes on with what has taken the place of what was lost.
    await serves.until(
      () => served.at(-1) === "new",
      () => "the new message is not served by its place",
    );
    expect(served).toHaveLength(12);
    expect(atB.handledSeq).toBe(2);
    atB.read();
    await a.until(() => atA.messages.at(-1)?.state === "read", "the tick");
    await b.chat.close();
    await serving;
  } finally {
    await server[Symbol.asyncDispose]();
    for (const folder of [data, backup]) rmSync(folder, { recursive: true, force: true });
  }
});
