/** What a browser keeps for whom: of one account nothing reaches another, and a browser that keeps nothing will do. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Api } from "../support/api.ts";
import { openLine } from "./line.ts";
import { openBrowser, PASSWORD, register, Window, type Login } from "./stage.ts";

const chromium = inject("chromium");
const server = inject("server");

describe.runIf(chromium !== "")("what a browser keeps", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser(chromium);
  });
  afterAll(async () => {
    await browser?.close();
  });

  async function signOut({ page }: Window): Promise<void> {
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Welcome back" }).waitFor();
  }

  /** The names of what is kept, without the account's own ones that are another's business. */
  async function kept({ page }: Window, { account }: Login): Promise<string[]> {
    const names = await page.evaluate(async () => [
      ...Object.keys(localStorage),
      ...(await indexedDB.databases()).map(({ name }) => name ?? ""),
    ]);
    return names.filter((name) => name.includes(account.user.id));
  }

  test("when another account signs in in another tab, the first one's page ends, says so, and leaves the other's alone", async () => {
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    const a = await Window.open(browser, server.url);
    const b = await Window.tab(a.context, server.url);
    // Both pages are at the sign-in page before anybody is in.
    await b.page.getByLabel("Username").waitFor();
    await a.signIn(ann.username);
    await a.find(bob.username, "Bob");
    await a.write("from Ann");
    await a.ticked("from Ann", "Sent").waitFor();
    await a.box.fill("not sent yet");
    await b.signIn(bob.username);
    await a.page.getByRole("alert").getByText("Another account has signed in in this browser.").waitFor();
    // A database goes when the last page that has it open lets go.
    await expect.poll(() => kept(a, ann)).toEqual([]);
    expect(await kept(a, bob)).not.toEqual([]);
    // Nobody has the tokens of Ann's login any more, so it has ended.
    const { token } = await new Api(server.url).login(ann.username);
    const online = async (): Promise<unknown[]> =>
      (await new Api(server.url).get<{ devices: { online: boolean }[] }>("GET /v1/devices", token)).devices.filter(
        (device) => device.online,
      );
    await expect.poll(online).toEqual([]);
    await b.openChat("Ann");
    await b.write("from Bob");
    await b.ticked("from Bob", "Sent").waitFor();
    await b.page.reload();
    await b.message("from Bob").waitFor();
    expect([...a.faults, ...b.faults]).toEqual([]);
    await a.context.close();
  });

  test("a draft outlives a reload, is shown to nobody else, and goes with the login", async () => {
    const [ann, cleo] = [await register(server.url, "Ann"), await register(server.url, "Cleo")];
    const a = await Window.of(browser, server.url, ann);
    await a.find(cleo.username, "Cleo");
    await a.write("hello");
    await a.ticked("hello", "Sent").waitFor();
    await a.box.fill("what I think of you");
    await a.page.reload();
    await a.box.waitFor();
    expect(await a.box.inputValue()).toBe("what I think of you");
    await signOut(a);
    await expect.poll(() => kept(a, ann)).toEqual([]);
    await a.signIn(cleo.username);
    await a.openChat("Ann");
    expect(await a.box.inputValue()).toBe("");
    await a.box.fill("mine");
    await signOut(a);
    await a.signIn(ann.username);
    await a.openChat("Cleo");
    expect(await a.box.inputValue()).toBe("");
    expect(a.faults).toEqual([]);
    await a.context.close();
  });

  test("signing out deletes all of it although the server does not answer, and says that it was not told", async () => {
    await using line = await openLine(server.port);
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    const a = await Window.of(browser, line.url, ann);
    await a.find(bob.username, "Bob");
    await a.write("a secret");
    await a.ticked("a secret", "Sent").waitFor();
    line.cut();
    await signOut(a);
    await a.page.getByRole("alert").getByText("the server could not be told").waitFor();
    await expect.poll(() => kept(a, ann)).toEqual([]);
    expect(await a.page.evaluate(() => Object.keys(localStorage))).toEqual(["mpim:web:settings"]);
    expect(a.faults).toEqual([]);
    await a.context.close();
  });

  test.for([
    [
      "no localStorage",
      () => {
        Object.defineProperty(globalThis, "localStorage", {
          get() {
            throw new DOMException("denied", "SecurityError");
          },
        });
      },
    ],
    [
      "no databases",
      () => {
        IDBFactory.prototype.open = () => {
          throw new DOMException("denied", "SecurityError");
        };
      },
    ],
  ] as const)("a browser with %s is good for writing", async ([what, deny]) => {
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    const a = await Window.open(browser, "about:blank");
    await a.context.addInitScript(deny);
    await a.page.goto(server.url);
    await a.signIn(ann.username);
    await a.find(bob.username, "Bob");
    await a.write("hello");
    await a.ticked("hello", "Sent").waitFor();
    const banner = a.page.getByText("This browser cannot store messages");
    if (what === "no databases") await banner.waitFor();
    else expect(await banner.count()).toBe(0);
    await signOut(a);
    expect(a.faults).toEqual([]);
    await a.context.close();
  });

  test("data that is of a newer version, or no data, keeps nobody out", async () => {
    const ann = await register(server.url, "Ann");
    const a = await Window.of(browser, server.url, ann);
    await a.page.goto(`${server.url}/icon.svg`);
    await a.page.evaluate(async (name) => {
      const opening = indexedDB.open(name, 2);
      await new Promise((resolve) => {
        opening.addEventListener("success", resolve);
      });
      opening.result.close();
    }, `mpim:web:${ann.account.user.id}:0`);
    await a.page.goto(server.url);
    await a.page.getByText("This browser cannot store messages").waitFor();
    await a.page.getByRole("heading", { name: "Chats", level: 1 }).waitFor();
    // What was meant for another account's login is no login either.
    await a.page.evaluate(() => localStorage.setItem("mpim:web:tokens", "{"));
    await a.page.reload();
    await a.page.getByLabel("Username").fill(ann.username);
    await a.page.getByLabel("Password").fill(PASSWORD);
    await a.page.getByRole("button", { name: "Sign in" }).click();
    await a.page.getByRole("heading", { name: "Chats", level: 1 }).waitFor();
    expect(a.faults).toEqual([]);
    await a.context.close();
  });
});
