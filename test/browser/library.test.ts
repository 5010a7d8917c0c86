/** The client library in pages of others: the one of the README, and several tabs of one user. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type * as Sdk from "../../client/src/mpim.ts";
import { openBrowser, PASSWORD, register, Window } from "./stage.ts";

const chromium = inject("chromium");
const server = inject("server");
/** Nobody listens there. */
const NOWHERE = "http://127.0.0.1:9";

declare global {
  function loadSdk(): Promise<typeof Sdk>;
  var chat: Sdk.Chat;
}

/** The page of the README on an origin of its own, with the library beside it. */
async function readmePage(url: string): Promise<{ url: string } & AsyncDisposable> {
  const readme = readFileSync(resolve(import.meta.dirname, "../../README.md"), "utf8");
  const page = (/```html\n([\s\S]*?)```/.exec(readme)?.[1] ?? "").replaceAll("http://127.0.0.1:8787", url);
  const library = await (await fetch(`${url}/client.js`)).text();
  const http = createServer((request, response) => {
    const isLibrary = request.url === "/mpim.js";
    response.setHeader("content-type", isLibrary ? "text/javascript" : "text/html");
    response.end(isLibrary ? library : `<!doctype html><meta charset="utf-8">${page}`);
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
    },
  };
}

describe.runIf(chromium !== "")("the library in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser(chromium);
  });
  afterAll(async () => {
    await browser?.close();
  });

  test("the page of the README chats, also after a reload in the middle of sending", async () => {
    await using site = await readmePage(server.url);
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    const faults: string[] = [];
    const visit = async (me: string, peer: string): Promise<Page> => {
      const page = await (await browser.newContext()).newPage();
      page.on("pageerror", (error) => faults.push(String(error)));
      page.on("dialog", (dialog) => {
        const asks = dialog.message();
        void dialog.accept(asks === "Your username" ? me : asks === "Your password" ? PASSWORD : peer);
      });
      await page.goto(site.url);
      return page;
    };
    const lines = (page: Page) => (): Promise<string[]> => page.locator("li").allTextContents();
    const [a, b] = [await visit(ann.username, bob.username), await visit(bob.username, ann.username)];
    await a.locator("#text").fill("hello <b>you</b>");
    await a.locator("#text").press("Enter");
    await b.getByText("Ann: hello <b>you</b>").waitFor();
    await b.locator("#text").fill("hi");
    await b.locator("#text").press("Enter");
    await a.getByText("Bob: hi").waitFor();
    await a.getByText("I: hello <b>you</b> read").waitFor();
    await a.evaluate(() => {
      const form = document.querySelector("form");
      const text = document.querySelector("input");
      if (form === null || text === null) throw new Error("not the page of the README");
      for (let n = 1; n <= 40; n += 1) {
        text.value = `again ${n}`;
        form.requestSubmit();
      }
    });
    await a.reload();
    await a.getByText("I: again 40").waitFor();
    await b.getByText("Ann: again 40").waitFor();
    // Who writes has read what came before.
    await b.getByText("I: hi read").waitFor();
    const again = Array.from({ length: 40 }, (_, n) => `Ann: again ${n + 1} `);
    await expect.poll(lines(b)).toEqual(["Ann: hello <b>you</b> ", "I: hi read", ...again]);
    expect(faults).toEqual([]);
  });

  test("what is written in one go without a connection is kept although the tab is closed at once", async () => {
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    const { context, page } = await Window.open(browser, `${server.url}/icon.svg`);
    await connect(page, "gone", ann.account.token);
    await page.evaluate(() => globalThis.chat.close());
    await connect(page, "gone", ann.account.token, NOWHERE);
    await page.evaluate(async (peer) => {
      const room = await globalThis.chat.direct(peer);
      for (let n = 1; n <= 40; n += 1) room.send(`gone ${n}`);
    }, bob.account.user.id);
    await page.close();
    const next = await tab(context, server.url);
    await released(next, []);
    await connect(next, "gone", ann.account.token, NOWHERE);
    const texts = await next.evaluate(
      async (peer) => (await globalThis.chat.direct(peer)).messages.map(({ text }) => text),
      bob.account.user.id,
    );
    expect(texts).toEqual(Array.from({ length: 40 }, (_, n) => `gone ${n + 1}`));
    await context.close();
  });

  test("each tab is a device; what a closed one had not sent is sent by the next", async () => {
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    const { context, page: first } = await Window.open(browser, `${server.url}/icon.svg`);
    const databases = (page: Page): Promise<(string | undefined)[]> =>
      page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name).toSorted());
    const join = (page: Page, url?: string): Promise<void> => connect(page, "tabs", ann.account.token, url);
    await join(first);
    const second = await tab(context, server.url);
    await join(second);
    // Both are there: neither has put the other out.
    for (const page of [first, second]) {
      await page.waitForFunction(() => globalThis.chat.synced);
      expect(await page.evaluate(() => globalThis.chat.connection.state)).toBe("online");
    }
    expect(await databases(first)).toEqual(["mpim:tabs:0", "mpim:tabs:1"]);
    await second.close();
    await released(first, ["mpim:tabs:0"]);

    // The next one takes the place that is free, and finds no server.
    const third = await tab(context, server.url);
    await join(third, NOWHERE);
    const uid = bob.account.user.id;
    await third.evaluate(async (peer) => (await globalThis.chat.direct(peer)).send("left behind").kept, uid);
    await third.close();
    await first.close();
    const fourth = await tab(context, server.url);
    await released(fourth, []);
    await join(fourth);
    await fourth.waitForFunction(async (peer) => {
      const { messages } = await globalThis.chat.direct(peer);
      return messages.length === 1 && messages[0]?.state === "sent";
    }, uid);
    expect(await databases(fourth)).toEqual(["mpim:tabs:0", "mpim:tabs:1"]);
    await fourth.evaluate(async () => {
      await globalThis.chat.close();
      await (await loadSdk()).forgetIndexedDb("tabs");
    });
    expect(await databases(fourth)).toEqual([]);
    await context.close();
  });
});

/** A chat in a page without any, as `chat`. */
async function connect(page: Page, store: string, token: string, url = server.url): Promise<void> {
  await page.evaluate(
    async ([at, name, access]) => {
      const sdk = await loadSdk();
      globalThis.chat = await sdk.connect({ url: at, token: () => access, store: sdk.indexedDb(name) });
    },
    [url, store, token] as const,
  );
}

/** Resolves when only these databases are somebody's: a tab that was closed gives its own back soon afterwards. */
async function released(page: Page, taken: readonly string[]): Promise<void> {
  const held = (): Promise<unknown> =>
    page.evaluate(async () => (await navigator.locks.query()).held?.map(({ name }) => name));
  await expect.poll(held).toEqual(taken);
}

async function tab(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${url}/icon.svg`);
  return page;
}
