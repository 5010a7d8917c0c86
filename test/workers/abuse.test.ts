/** What somebody can do who means harm: it stays small, and stays with them. */
import { env } from "cloudflare:workers";
import { abortAllDurableObjects } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import type { Uid } from "../../src/protocol/ids.ts";
import { verifyToken } from "../../src/workers/edge/tokens.ts";
import { services } from "../../src/workers/env.ts";
import { connect, dial, token, user, userStub } from "../support/workers.ts";

/** A token, and its login. */
async function login(uid: Uid): Promise<{ token: string; login: string }> {
  const { tokenKey, config } = services(env);
  const text = await token(uid);
  const claims = tokenKey && (await verifyToken(text, tokenKey, config.auth, Date.now()));
  if (!claims?.ok) throw new Error("not a token of ours");
  return { token: text, login: claims.value.login };
}

describe("a login that has ended", () => {
  test("a connection that was on its way when it ended is closed, also after the object's restart", async () => {
    const alice = await user("alice");
    const [stolen, own] = [await login(alice), await login(alice)];
    await userStub(alice).endSessions(stolen.login);
    for (const restart of [false, true]) {
      if (restart) await abortAllDurableObjects();
      const thief = await dial();
      // The store still has this login: as where another isolate remembers that it stood a moment ago.
      thief.write({ t: "hello", v: 1, token: stolen.token, device: { id: "thief" } });
      expect(await thief.end()).toBe(4401);
      expect(thief.all("welcome")).toEqual([]);
    }
    const phone = await connect(alice, { token: own.token });
    expect((await phone.sync()).length).toBe(0);
  });
});

describe("watching", () => {
  test("one connection watches 1,000 users at most; who is watched already, or no longer, does not count", async () => {
    const eve = await connect(await user("eve"));
    const users = (from: number, count: number): string[] =>
      Array.from({ length: count }, (_, i) => `nobody${from + i}`);
    for (let from = 0; from < 1000; from += 200) eve.write({ t: "watch", users: users(from, 200) });
    eve.write({ t: "watch", users: users(1000, 1) });
    expect((await eve.next("error")).code).toBe("invalid_argument");
    eve.write(
      { t: "unwatch", users: users(0, 1) },
      { t: "watch", users: users(1000, 1) },
      { t: "watch", users: users(1, 200) },
    );
    await eve.until(
      () => eve.all("presence").some(({ user: about }) => about === "nobody1000"),
      "presence of the last",
    );
    expect(eve.all("error")).toHaveLength(1);
  });
});
