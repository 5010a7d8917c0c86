/** The end of an account, as the client library sees it. */
import { expect, test } from "vitest";
import { connect, memory, type MpimError, register } from "../../client/src/mpim.ts";
import { startServer } from "../support/server.ts";
import { config, PASSWORD, Person } from "./people.ts";

test("who deletes the account is put out of it; to others a card without a name stays, and a chat to read", async () => {
  await using server = await startServer({ config });
  const { url } = server;
  await using bob = await Person.register(url, "Bob");
  let deletions = 0;
  const session = await register({ url, username: "alice-who-leaves", password: PASSWORD, name: "Alice" });
  const chat = await connect({
    url,
    token: session.token,
    store: memory(),
    // The answer to the first request is lost: it is asked again, with the token that has ended.
    fetch: async (input, init) => {
      const answer = await fetch(input, init);
      if (init?.method !== "DELETE") return answer;
      deletions += 1;
      if (deletions === 1) throw new TypeError("the connection was reset");
      return answer;
    },
  });
  const { user } = session;
  const device = await bob.device();
  const room = await chat.direct(bob.uid);
  await room.send("Goodbye").sent();
  const theirs = await device.chat.direct(user.id);
  await device.until(() => theirs.messages.at(-1)?.text === "Goodbye", "the message");
  const closed = new Promise((resolve) => {
    chat.on("connection", ({ state, error }) => {
      if (state === "closed") resolve(error?.code);
    });
  });
  await chat.users.deleteMe();
  expect(deletions).toBe(2);
  expect(await closed).toBe("unauthenticated");
  expect(session.tokens).toBeUndefined();
  await expect
    .poll(() => device.chat.users.get(user.id), { timeout: 60_000 })
    .toEqual({ id: user.id, username: null, name: "", avatar: null, deleted: true });
  expect(
    await theirs
      .send("Are you there?")
      .sent()
      .catch((error: unknown) => error),
  ).toMatchObject({
    code: "not_found",
  } satisfies Partial<MpimError>);
  expect(theirs.messages).toMatchObject([{ text: "Goodbye" }, { text: "Are you there?", state: "failed" }]);
  await chat.close();
});
