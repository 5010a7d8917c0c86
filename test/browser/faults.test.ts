/** What is written in a browser arrives once, in its order, whatever happens to page, network and server meanwhile. */
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import type * as Sdk from "../../client/src/mpim.ts";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { startServer } from "../support/server.ts";
import { openLine } from "./line.ts";
import { CONFIG, openBrowser, PASSWORD, register, Window, type Login } from "./stage.ts";

const chromium = inject("chromium");
const server = inject("server");

declare global {
  function loadSdk(): Promise<typeof Sdk>;
}

function numbered(word: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${word} ${index + 1}`);
}

/** Resolves when so many messages wait in what this browser keeps. */
async function kept(page: Page, uid: string, count: number): Promise<void> {
  await page.waitForFunction(
    async ([name, wanted]) => {
      const opening = indexedDB.open(name);
      const database = await new Promise<IDBDatabase>((resolve) => {
        opening.addEventListener("success", () => resolve(opening.result));
      });
      const asking = database.transaction("values").objectStore("values").getAllKeys();
      const keys = await new Promise<IDBValidKey[]>((resolve) => {
        asking.addEventListener("success", () => resolve(asking.result));
      });
      database.close();
      return keys.filter((key) => typeof key === "string" && key.startsWith("out/")).length === wanted;
    },
    [`mpim:web:${uid}:0`, count] as const,
  );
}

describe.runIf(chromium !== "")("nothing is lost and nothing comes twice", () => {
  let browser: Browser;
  let ann: Login;
  let bob: Login;
  beforeAll(async () => {
    browser = await openBrowser(chromium);
  });
  afterAll(async () => {
    await browser?.close();
  });

  /** Ann, perhaps by way of a line, and Bob, who look at their chat. */
  async function pair(via: string, url = server.url): Promise<[Window, Window]> {
    ann = await register(url, "Ann");
    bob = await register(url, "Bob");
    const a = await Window.of(browser, via, ann);
    const b = await Window.of(browser, url, bob);
    await a.find(bob.username, "Bob");
    await a.write("first");
    await b.openChat("Ann");
    await a.ticked("first", "Read").waitFor();
    return [a, b];
  }

  test("when the page is reloaded while it sends", async () => {
    await using line = await openLine(server.port);
    const [a, b] = await pair(line.url);
    const texts = numbered("reload", 12);
    line.cut();
    await a.write(...texts);
    await kept(a.page, ann.account.user.id, texts.length);
    line.mend();
    // The connection comes back in its own time: the page goes away before, while or after it sends.
    await a.page.reload();
    await b.shows(["first", ...texts]);
    await a.box.waitFor();
    await a.shows(["first", ...texts]);
    await a.ticked("reload 12", "Read").waitFor();
    await a.write("last");
    await b.shows(["first", ...texts, "last"]);
    expect([...a.faults, ...b.faults]).toEqual([]);
    await Promise.all([a.context.close(), b.context.close()]);
  });

  test("when the network goes and comes back", async () => {
    await using line = await openLine(server.port);
    const [a, b] = await pair(line.url);
    await a.context.setOffline(true);
    line.cut();
    await a.page.getByText("No connection. Your messages will be sent when you are back online.").waitFor();
    await a.write("written offline", "so is this");
    await a.ticked("so is this", "Waiting to be sent").waitFor();
    await a.page.getByText("2 messages waiting").waitFor();
    await b.write("meanwhile");
    await b.ticked("meanwhile", "Sent").waitFor();
    line.mend();
    await a.context.setOffline(false);
    const all = ["first", "meanwhile", "written offline", "so is this"];
    await b.shows(all);
    await a.shows(all);
    await a.ticked("so is this", "Read").waitFor();
    await a.page.locator(".banner").waitFor({ state: "detached" });
    expect([...a.faults, ...b.faults]).toEqual([]);
    await Promise.all([a.context.close(), b.context.close()]);
  });

  test("when the server is killed while people type and send", async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "mpim-"));
    const options = { data: folder.path, config: CONFIG };
    const first = await startServer(options);
    const [a, b] = await pair(first.url, first.url);
    await Promise.all([a.page.getByText("Bob is typing…").waitFor(), b.box.pressSequentially("half a thou")]);
    const texts = numbered("kill", 20);
    const killed = first.kill9();
    await a.write(...texts.slice(0, 10));
    await killed;
    await a.write(...texts.slice(10));
    await a.ticked("kill 20", "Waiting to be sent").waitFor();
    await using second = await startServer({ ...options, port: first.port });
    expect(second.url).toBe(first.url);
    // As when the network says that it is back; else the next attempt comes within ten seconds.
    for (const { page } of [a, b]) await page.evaluate(() => dispatchEvent(new Event("online")));
    await b.shows(["first", ...texts]);
    // What was being typed is still there.
    expect(await b.box.inputValue()).toBe("half a thou");
    await b.box.press("Enter");
    await a.shows(["first", ...texts, "half a thou"]);
    await a.ticked("kill 20", "Read").waitFor();
    expect([...a.faults, ...b.faults]).toEqual([]);
    await Promise.all([a.context.close(), b.context.close()]);
  });

  test("when a page of one's own uses the SDK and is reloaded while it sends", async () => {
    const { username } = await register(server.url, "Ann");
    const peer = await register(server.url, "Bob");
    // A page of this origin with nothing on it.
    const { page, context } = await Window.open(browser, `${server.url}/icon.svg`);
    const credentials = { username, password: PASSWORD, peer: peer.account.user.id };
    const before = await page.evaluate(async ({ peer: uid, ...login }) => {
      const sdk = await loadSdk();
      const session = await sdk.login({ url: location.origin, keep: sdk.localTokens("page"), ...login });
      const chat = await sdk.connect({ url: session.url, token: session.token, store: sdk.indexedDb("page") });
      const room = await chat.direct(uid);
      const sent = Array.from({ length: 50 }, (_, index) => room.send(`page ${index + 1}`));
      await Promise.all(sent.map(({ kept: safe }) => safe));
      return sent.filter(({ state }) => state === "sent").length;
    }, credentials);
    await page.reload();
    const texts = await page.evaluate(async ({ peer: uid }) => {
      const sdk = await loadSdk();
      const session = await sdk.resume({ url: location.origin, keep: sdk.localTokens("page") });
      if (session === undefined) throw new Error("the login is gone");
      const chat = await sdk.connect({ url: session.url, token: session.token, store: sdk.indexedDb("page") });
      const room = await chat.direct(uid);
      await room.send("the end").sent();
      const { messages } = await room.page({ after: 0, limit: 200 });
      return messages.map(({ text }) => text);
    }, credentials);
    expect(before).toBeLessThanOrEqual(50);
    expect(texts).toEqual([...numbered("page", 50), "the end"]);
    await context.close();
  });
});
