/** Where a user is signed in, and signing out from elsewhere, against the server as a process. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { login, resume, type Tokens, type TokenStore } from "../../client/src/mpim.ts";
import { startServer } from "../support/server.ts";
import { config, PASSWORD, Person } from "./people.ts";

function keeper(): TokenStore & { kept: Tokens | undefined } {
  return {
    kept: undefined,
    load() {
      return Promise.resolve(this.kept);
    },
    save(tokens) {
      this.kept = tokens;
      return Promise.resolve();
    },
  };
}

test("a device that is signed out is closed and has no login any more; who asked goes on undisturbed", async () => {
  await using server = await startServer({ config });
  const { url } = server;
  await using alice = await Person.register(url, "alice");
  const username = alice.session.user.username ?? "";
  const phone = await alice.device("phone", { device: { name: "Phone", platform: "ios" } });
  const keep = keeper();
  const other = await login({ url, username, password: PASSWORD, keep });
  const tab = { token: other.token };
  const [one, two] = [await alice.device("tab 1", tab), await alice.device("tab 2", tab)];

  const list = await phone.chat.devices.list();
  expect(list.map(({ online, current, thisDevice }) => [online, current, thisDevice])).toEqual([
    [true, false, false],
    [true, false, false],
    [true, true, true],
  ]);
  expect(list[2]).toMatchObject({ name: "Phone", platform: "ios" });
  expect(list[0]?.login).toBe(list[1]?.login);
  expect(list[0]?.login).not.toBe(list[2]?.login);
  expect(list[2]?.firstSeen).toBeLessThanOrEqual(list[2]?.lastSeen ?? 0);

  const states: string[] = [];
  phone.chat.on("connection", ({ state }) => void states.push(state));
  await phone.chat.devices.signOut(list[0]?.id ?? "");
  for (const device of [one, two]) {
    const ended = await device.until(
      () => device.chat.connection.state === "closed" && device.chat.connection,
      "the end",
    );
    expect(ended.error?.code).toBe("unauthenticated");
  }
  expect([other.tokens, keep.kept, await resume({ url, keep })]).toEqual([undefined, undefined, undefined]);
  // Who is signed out already, and who never was there, is no error.
  await phone.chat.devices.signOut(list[0]?.id ?? "");
  expect((await phone.chat.devices.list()).map(({ thisDevice }) => thisDevice)).toEqual([true]);
  expect([states, phone.chat.connection.state]).toEqual([[], "online"]);
});

test("signing out everywhere else leaves the own login, also on devices that are away, and across a kill -9", async () => {
  const data = mkdtempSync(join(tmpdir(), "mpim-devices-"));
  let server = await startServer({ data, config });
  const { url, port } = server;
  try {
    await using alice = await Person.register(url, "alice");
    const username = alice.session.user.username ?? "";
    const phone = await alice.device("phone");
    const lost = await login({ url, username, password: PASSWORD });
    const tablet = await alice.device("tablet", { token: lost.token });
    await tablet.chat.close();
    await phone.chat.devices.signOutOthers();
    await server.kill9();
    server = await startServer({ data, port, config });
    const back = await alice.device("tablet", { token: lost.token });
    const ended = await back.until(() => back.chat.connection.state === "closed" && back.chat.connection, "the end");
    expect(ended.error?.code).toBe("unauthenticated");
    await phone.until(() => phone.chat.connection.state === "online", "connection");
    const list = await phone.chat.devices.list();
    expect(list.map(({ thisDevice, online }) => [thisDevice, online])).toEqual([[true, true]]);
  } finally {
    await server[Symbol.asyncDispose]();
    rmSync(data, { recursive: true, force: true });
  }
});
