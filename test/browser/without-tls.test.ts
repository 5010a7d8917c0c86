/** A page without TLS, where browsers have no Web Locks. */
import { chromium as launcher, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { register, Window } from "./stage.ts";

const chromium = inject("chromium");
const server = inject("server");

describe.runIf(chromium !== "")("without TLS", () => {
  let browser: Browser;
  beforeAll(async () => {
    const args = ["--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP chat.test 127.0.0.1"];
    browser = await launcher.launch({ executablePath: chromium, args });
  });
  afterAll(async () => {
    await browser?.close();
  });

  const databases = async (page: Page): Promise<(string | undefined)[]> =>
    page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));

  test("a tab that is loaded again finds its own database, with what waits in it; another tab has another", async () => {
    const ann = await register(server.url, "Ann");
    const bob = await register(server.url, "Bob");
    const window = await Window.open(browser, `http://chat.test:${server.port}`);
    const { page } = window;
    expect(await page.evaluate(() => navigator.locks === undefined)).toBe(true);
    let broken = false;
    await page.routeWebSocket(/v1\/ws/, (socket) => {
      if (broken) void socket.close({ code: 1011 });
      else socket.connectToServer();
    });
    await page.reload();
    await window.signIn(ann.username);
    await window.find(bob.username, "Bob");
    await window.write("first");
    await window.ticked("first", "Sent").waitFor();
    const [own] = await databases(page);
    broken = true;
    await page.reload();
    await window.write("waits");
    await window.ticked("waits", "Waiting to be sent").waitFor();
    await page.reload();
    await window.ticked("waits", "Waiting to be sent").waitFor();
    expect(await databases(page)).toEqual([own]);

    const other = await window.context.newPage();
    await other.goto(page.url());
    await other.getByRole("heading", { name: "Chats", level: 1 }).waitFor();
    expect(await databases(other)).toHaveLength(2);
    await other.close();

    broken = false;
    await page.reload();
    await window.ticked("waits", "Sent").waitFor();
    expect(window.faults).toEqual([]);
    await window.context.close();
  });
});
