/** The client library in pages of others: the one of the README, and several tabs of one user. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type * as Sdk from "../../client/src/mpim.ts";
import { startServer, type Server } from "../support/server.ts";
import { CONFIG, openBrowser, PASSWORD, register, Window } from "./stage.ts";

const chromium = inject("chromium");

declare global {
  function loadSdk(): Promise<typeof Sdk>;
  var chat: Sdk.Chat;
}

/** The page of the README on an origin of its own, with the library beside it. */
async function readmePage(server: string): Promise<{ url: string } & AsyncDisposable> {
  const readme = readFileSync(resolve(import.meta.dirname, "../../README.md"), "utf8");
  const page = (/```html\n([\s\S]*?)```/.exec(readme)?.[1] ?? "").replaceAll("http://127.0.0.1:8787", server);
  const library = await (await fetch(`${server}/client.js`)).text();
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
  let server: Server;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([startServer({ config: CONFIG }), openBrowser(chromium)]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
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
    const lines = (page: Page): Promise<string[]> => page.locator("li").allTextContents();
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
    expect(await lines(b)).toEqual(["Ann: hello <b>you</b> ", "I: hi read", ...again]);
    expect(faults).toEqual([]);
  });

  test("each tab is a device; what a closed one had not sent is sent by the next", async () => {
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    const { context, page: first } = await Window.open(browser, `${server.url}/icon.svg`);
    const databases = (page: Page): Promise<(string | undefined)[]> =>
      page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name).toSorted());
    const connect = async (page: Page, url = server.url): Promise<void> => {
      await page.evaluate(
        async ([at, token]) => {
          const sdk = await loadSdk();
          globalThis.chat = await sdk.connect({ url: at, token: () => token, store: sdk.indexedDb("tabs") });
        },
        [url, ann.account.token] as const,
      );
    };
    await connect(first);
    const second = await tab(context, server.url);
    await connect(second);
    // Both are there: neither has put the other out.
    for (const page of [first, second]) {
      await page.waitForFunction(() => globalThis.chat.synced);
      expect(await page.evaluate(() => globalThis.chat.connection.state)).toBe("online");
    }
    expect(await databases(first)).toEqual(["mpim:tabs:0", "mpim:tabs:1"]);
    await second.close();

    // The next one takes the place that is free, and finds no server.
    const third = await tab(context, server.url);
    await connect(third, "http://127.0.0.1:9");
    const uid = bob.account.user.id;
    await third.evaluate(async (peer) => (await globalThis.chat.direct(peer)).send("left behind").kept, uid);
    await third.close();
    await first.close();
    const fourth = await tab(context, server.url);
    await connect(fourth);
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

async function tab(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${url}/icon.svg`);
  return page;
}
