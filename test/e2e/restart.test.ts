/** What a restart of everything leaves to the objects alone: no client comes back to help. */
import { rmSync } from "node:fs";
import { expect, test } from "vitest";
import { Api } from "../support/api.ts";
import { Client, type Head } from "../support/client.ts";
import { startServer } from "../support/server.ts";

test("[DUR3] after `kill -9` in a busy chat the receiver's head rises although nobody sends again", async () => {
  // The receiver's object never writes its heads by itself, so what it took is lost with the process; the alarm that
  // stands behind the chat's messages is all that is left to offer them again.
  const config = { writes: { offer_ms: 2000, flush_ms: 600_000 }, auth: { scrypt_log_n: 10 } };
  let server = await startServer({ config });
  const { data, port } = server;
  try {
    const api = new Api(server.url);
    const [alice, bob] = [await api.register("alice"), await api.register("bob")];
    const sender = new Client({ url: server.url, token: alice.token, device: "a" });
    await sender.connect();
    for (let n = 1; n <= 5; n += 1) {
      sender.send(`@${bob.user.id}`, `message ${n}`, `restart-${n}`);
      await sender.until(() => sender.outbox.size === 0, `sent ${n}`);
    }
    await server.kill9();
    await sender.close();
    server = await startServer({ data, port, config });

    // An HTTP request shows the head as bob's object has it; it offers nothing and asks no conversation.
    let heads: Head[] = [];
    const until = Date.now() + 60_000;
    while (heads[0]?.head !== 5 && Date.now() < until) {
      ({ heads } = await api.get<{ heads: Head[] }>("GET /v1/conversations", bob.token));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(heads).toMatchObject([{ head: 5, unread: 5 }]);
  } finally {
    await server[Symbol.asyncDispose]();
    rmSync(data, { recursive: true, force: true });
  }
});
