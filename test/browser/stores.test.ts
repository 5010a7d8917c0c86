/** The library's databases in a browser: those that cannot be opened, those that are half a stranger's, and those of closed tabs. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { openBrowser, register, Window } from "./stage.ts";

const chromium = inject("chromium");
const server = inject("server");

declare global {
  var faults: string[];
}

describe.runIf(chromium !== "")("databases of the library", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser(chromium);
  });
  afterAll(async () => {
    await browser?.close();
  });

  interface Place {
    readonly context: BrowserContext;
    readonly page: Page;
    readonly token: string;
  }

  async function place(): Promise<Place> {
    const ann = await register(server.url, "Ann");
    const { context, page } = await Window.open(browser, `${server.url}/icon.svg`);
    return { context, page, token: ann.account.token };
  }

  async function tab({ context }: Place): Promise<Page> {
    const page = await context.newPage();
    await page.goto(`${server.url}/icon.svg`);
    return page;
  }

  /** Connects; what became of it. `at`: another server, which is not there. */
  async function connect(page: Page, { token }: Place, at = server.url): Promise<string> {
    return page.evaluate(
      async ([url, access]) => {
        const sdk = await loadSdk();
        globalThis.faults = [];
        try {
          globalThis.chat = await sdk.connect({ url, token: () => access, store: sdk.indexedDb("odd") });
        } catch (error) {
          return error instanceof sdk.MpimError ? `${error.code}: ${error.message}` : String(error);
        }
        globalThis.chat.on("storeError", (error) => globalThis.faults.push(String(error)));
        return "connected";
      },
      [at, token] as const,
    );
  }

  const free = (page: Page): Promise<boolean> =>
    page.evaluate(() => navigator.locks.request("mpim:odd:0", { ifAvailable: true }, (lock) => lock !== null));

  /** Makes a database as somebody else would. */
  const database = (page: Page, name: string, version: number): Promise<void> =>
    page.evaluate(
      ([called, number]) =>
        new Promise<void>((resolve, reject) => {
          const request = indexedDB.open(called, number);
          request.addEventListener("error", () => reject(new Error(String(request.error))));
          request.addEventListener("success", () => {
            request.result.close();
            resolve();
          });
        }),
      [name, version] as const,
    );

  test("a store that cannot be opened is named by the error, and let go", async () => {
    const at = await place();
    await database(at.page, "mpim:odd:0", 2);
    expect(await connect(at.page, at)).toMatch(/^store_failed: indexedDb\("odd"\) cannot be opened: .*version/);
    expect(await free(at.page)).toBe(true);
    await at.page.evaluate(() => {
      IDBFactory.prototype.open = () => {
        throw new DOMException("denied", "SecurityError");
      };
    });
    expect(await connect(at.page, at)).toBe('store_failed: indexedDb("odd") cannot be opened: denied');
    expect(await free(at.page)).toBe(true);
    await at.context.close();
  });

  test("what is strange beside it, or in it, is told and keeps nobody from the rest", async () => {
    const at = await place();
    expect(await connect(at.page, at)).toBe("connected");
    await at.page.evaluate(() => globalThis.chat.close());
    await database(at.page, "mpim:odd:7", 1);
    await at.page.evaluate(
      () =>
        new Promise<void>((resolve) => {
          const request = indexedDB.open("mpim:odd:0");
          request.addEventListener("success", () => {
            const transaction = request.result.transaction("values", "readwrite");
            transaction.objectStore("values").put(null, "chat/x");
            transaction.addEventListener("complete", () => {
              request.result.close();
              resolve();
            });
          });
        }),
    );
    expect(await connect(at.page, at)).toBe("connected");
    await at.page.waitForFunction(() => globalThis.faults.length === 2);
    const faults = await at.page.evaluate(() => globalThis.faults);
    expect(faults[0]).toContain("is dropped: chat/x");
    expect(faults[1]).toContain("the database mpim:odd:7 cannot be read");
    await at.context.close();
  });

  test("what is written together is kept together, or not at all", async () => {
    const at = await place();
    const kept = await at.page.evaluate(async () => {
      const store = (await loadSdk()).indexedDb("odd");
      await store.open();
      await store.write(new Map([["a", 1]]));
      const failed = await store
        .write(
          new Map<string, unknown>([
            ["b", 2],
            ["c", () => 3],
          ]),
        )
        .then(
          () => "written",
          (error: Error) => error.name,
        );
      const keys = [...(await store.read("")).keys()];
      await store.close();
      return [failed, ...keys];
    });
    expect(kept).toEqual(["DataCloneError", "a"]);
    await at.context.close();
  });

  test("what is forgotten is the name's own, not that of names which begin with it", async () => {
    const at = await place();
    const left = await at.page.evaluate(async () => {
      const sdk = await loadSdk();
      for (const name of ["a", "a:b", "a:0"]) {
        const store = sdk.indexedDb(name);
        await store.open();
        await store.close();
      }
      await sdk.forgetIndexedDb("a");
      return (await indexedDB.databases()).map(({ name }) => name).toSorted();
    });
    expect(left).toEqual(["mpim:a:0:0", "mpim:a:b:0"]);
    await at.context.close();
  });

  test("what a tab that is closed had not sent is sent by another that is open", async () => {
    const at = await place();
    const bob = await register(server.url, "Bob");
    const uid = bob.account.user.id;
    // A device that knows its user can write without a server.
    const second = await tab(at);
    expect(await connect(at.page, at)).toBe("connected");
    expect(await connect(second, at)).toBe("connected");
    await second.evaluate(() => globalThis.chat.close());
    expect(await connect(second, at, "http://127.0.0.1:9")).toBe("connected");
    await second.evaluate(async (peer) => (await globalThis.chat.direct(peer)).send("left behind").kept, uid);
    await second.close();
    await at.page.waitForFunction(async () => {
      const { held = [] } = await navigator.locks.query();
      return held.every(({ name }) => name !== "mpim:odd:1");
    });
    await at.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await at.page.waitForFunction(async (peer) => {
      const { messages } = await globalThis.chat.direct(peer);
      return messages.length === 1 && messages[0]?.text === "left behind" && messages[0].state === "sent";
    }, uid);
    expect(await at.page.evaluate(() => globalThis.faults)).toEqual([]);
    await at.context.close();
  });
});
