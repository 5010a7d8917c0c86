/** For everybody: with the keyboard alone, with a screen reader, on a phone, in both themes and languages. */
import type { Browser, Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Api } from "../support/api.ts";
import { wrong } from "./axe.ts";
import { openBrowser, PASSWORD, register, Window } from "./stage.ts";

const chromium = inject("chromium");
const server = inject("server");
describe.runIf(chromium !== "")("everybody", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser(chromium);
  });
  afterAll(async () => {
    await browser?.close();
  });

  test.for(["light", "dark"] as const)("finds no barrier that axe knows, %s", async (colorScheme) => {
    const ann = await register(server.url, "Ann");
    const bob = await register(server.url, "Bob");
    const api = new Api(server.url);
    await api.get("POST /v1/contacts", bob.account.token, { user: ann.account.user.id, message: "hello" });
    await api.get("POST /v1/groups", ann.account.token, { name: "Crew", members: [bob.account.user.id] });
    const a = await Window.open(browser, server.url, { colorScheme });
    const b = await Window.of(browser, server.url, bob);
    await a.page.getByRole("heading", { name: "Welcome back" }).waitFor();
    expect(await wrong(a)).toEqual([]);
    await a.page.getByRole("button", { name: "New here? Create an account" }).click();
    await a.page.getByLabel("Your name").waitFor();
    expect(await wrong(a)).toEqual([]);
    await a.page.getByRole("button", { name: "Have an account? Sign in" }).click();
    await a.signIn(ann.username);
    await b.openChat("Crew");
    await b.write("@Ann, a link: https://example.com/", "👍");
    await a.page.getByText("unread messages").first().waitFor({ state: "attached" });
    await a.openChat("Crew");
    await a.write("an answer");
    await a.ticked("an answer", "Read").waitFor();
    await a.menu("👍", "React with 🎉");
    await a.page.locator(".reaction").waitFor();
    expect(await wrong(a)).toEqual([]);
    await a.menu("👍", "Reply");
    await a.box.fill("@b");
    await a.page.getByRole("option").waitFor();
    expect(await wrong(a)).toEqual([]);
    await a.page.keyboard.press("Escape");
    await a.page.keyboard.press("Escape");
    await a.page.getByRole("button", { name: "Details" }).click();
    await a.page.getByRole("heading", { name: "2 members" }).waitFor();
    expect(await wrong(a)).toEqual([]);
    await a.page.keyboard.press("Escape");
    await a.page.getByRole("button", { name: "New chat" }).first().click();
    await a.page.getByLabel("Find people").fill(bob.username);
    await a.page.getByRole("dialog").getByRole("button", { name: "Bob" }).waitFor();
    expect(await wrong(a)).toEqual([]);
    await a.page.keyboard.press("Escape");
    await a.page.getByRole("link", { name: "Contacts" }).click();
    await a.page.getByRole("button", { name: "Accept" }).waitFor();
    expect(await wrong(a)).toEqual([]);
    await a.page.getByRole("link", { name: "Settings" }).click();
    await a.page.getByRole("radio", { name: "中文" }).check({ force: true });
    await a.page.getByRole("heading", { name: "设置" }).waitFor();
    await a.page.locator("html[lang=zh-CN]").waitFor();
    expect(await wrong(a)).toEqual([]);
    await Promise.all([a.context.close(), b.context.close()]);
  });

  test("leaves nothing behind when signing out, and is told when the login ended elsewhere", async () => {
    const ann = await register(server.url, "Ann");
    const bob = await register(server.url, "Bob");
    const a = await Window.of(browser, server.url, ann);
    await a.find(bob.username, "Bob");
    await a.write("a secret");
    await a.ticked("a secret", "Sent").waitFor();
    const again = async (): Promise<void> => {
      await a.page.getByRole("link", { name: "Settings" }).click();
      await a.page.getByRole("button", { name: "Sign out" }).click();
      await a.page.getByRole("dialog").getByRole("button", { name: "Sign out" }).click();
      await a.page.getByRole("heading", { name: "Welcome back" }).waitFor();
    };
    await again();
    expect(await a.page.getByRole("alert").count()).toBe(0);
    await a.page.waitForFunction(async () => (await indexedDB.databases()).length === 0);
    const kept = await a.page.evaluate(() => Object.keys(localStorage));
    expect(kept).toEqual(["mpim:web:settings"]);
    // Two tabs have one login; it ends in both.
    await a.signIn(ann.username);
    const other = await Window.tab(a.context, server.url);
    await other.page.getByRole("heading", { name: "Chats", level: 1 }).waitFor();
    await again();
    await other.page.getByText("You have been signed out from elsewhere").waitFor();
    expect([...a.faults, ...other.faults]).toEqual([]);
    await a.context.close();
  });

  test("gets by with the keyboard alone", async () => {
    const ann = await register(server.url, "Ann");
    const bob = await register(server.url, "Bob");
    const b = await Window.of(browser, server.url, bob);
    const a = await Window.open(browser, server.url);
    const { page } = a;
    // Of nothing in particular, which is the page as a whole, the texts of all are no name.
    const focused = (): Promise<string> =>
      page.evaluate(() => {
        const at = document.activeElement;
        return at === null || at === document.body ? "" : (at.getAttribute("aria-label") ?? at.textContent);
      });
    const hasFocus = (what: Locator): Promise<void> => what.and(page.locator(":focus")).waitFor({ state: "attached" });
    /** Tab until something has the focus, as somebody does who cannot point. */
    const tabTo = async (label: string | RegExp): Promise<void> => {
      for (let steps = 0; steps < 40; steps += 1) {
        const now = await focused();
        if (typeof label === "string" ? now === label : label.test(now)) return;
        await page.keyboard.press("Tab");
      }
      throw new Error(`Tab does not lead to ${String(label)}`);
    };
    /** Back from where one writes to the messages. */
    const backToMessages = async (): Promise<void> => {
      await hasFocus(a.box);
      for (let steps = 0; steps < 6 && !(await focused()).startsWith("You, "); steps += 1)
        await page.keyboard.press("Shift+Tab");
      expect(await focused()).toMatch(/^You, /);
    };
    await hasFocus(page.getByLabel("Username"));
    await page.keyboard.type(ann.username);
    await page.keyboard.press("Tab");
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Chats", level: 1 }).waitFor();
    await page.keyboard.press("Control+k");
    await hasFocus(page.getByRole("searchbox"));
    await page.keyboard.type(bob.username);
    await page
      .locator(".sidebar")
      .getByRole("button", { name: `Bob @${bob.username}` })
      .waitFor();
    await tabTo(/Bob/);
    await page.keyboard.press("Enter");
    await a.box.waitFor();
    await tabTo("Message");
    await page.keyboard.type("one");
    await page.keyboard.press("Enter");
    await page.keyboard.type("two");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("lines");
    await page.keyboard.press("Enter");
    await b.openChat("Ann");
    await b.shows(["one", "two\nlines"]);
    // What has no place in the chat yet can be neither reacted to nor edited.
    await a.ticked("two\nlines", "Read").waitFor();
    // Back to the messages, up one, and a reaction to it.
    await backToMessages();
    await page.keyboard.press("ArrowUp");
    await hasFocus(a.message("one"));
    await page.keyboard.press("Enter");
    await hasFocus(page.getByRole("menuitem").first());
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await b.message("one").locator(".reaction").getByText("❤️").waitFor();
    // The last message again, by the short way.
    await tabTo("Message");
    await page.keyboard.press("ArrowUp");
    await page.getByText("Edit message").waitFor();
    await page.keyboard.type(" more");
    await page.keyboard.press("Enter");
    await b.shows(["one", "two\nlines more"]);
    // What a menu leads to has the focus: one writes on at once, and comes back to where one was.
    await backToMessages();
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Reply" }).press("Enter");
    await page.keyboard.type("three");
    await page.keyboard.press("Enter");
    await b.message("three").getByRole("button", { name: /one/ }).waitFor();
    await a.ticked("three", "Read").waitFor();
    await tabTo(/^You, /);
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Recall" }).press("Enter");
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).press("Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await expect.poll(focused).toMatch(/^You, /);
    // A window for people has the focus where their names are typed; what is found is a key away.
    await tabTo("New chat");
    await page.keyboard.press("Enter");
    await page.keyboard.type("nobody has this name");
    await page.getByRole("dialog").getByText("Nothing found").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("Control+k");
    await page.keyboard.type("Bob");
    // The list of chats has the same link, but no such heading.
    await page.locator(".sidebar-list").getByRole("heading", { name: "Chats" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await hasFocus(page.locator(".sidebar").getByRole("link", { name: /Bob/ }));
    expect([...a.faults, ...b.faults]).toEqual([]);
    await Promise.all([a.context.close(), b.context.close()]);
  });

  test("has all of it on a phone: one thing at a time, nothing beside the screen, targets for fingers", async () => {
    const ann = await register(server.url, "Ann");
    const bob = await register(server.url, "Bob");
    const b = await Window.of(browser, server.url, bob);
    await new Api(server.url).get("POST /v1/groups", bob.account.token, {
      name: "A name of a group that is as long as such a name may be, or so",
      members: [ann.account.user.id],
    });
    await b.find(ann.username, "Ann");
    await b.write("a word that does not end: ".concat("o".repeat(300)), "hello");
    const a = await Window.of(browser, server.url, ann, {
      viewport: { width: 360, height: 640 },
      hasTouch: true,
      isMobile: true,
    });
    const small = (): Promise<string[]> =>
      a.page.evaluate(() => {
        const wide =
          document.documentElement.scrollWidth > innerWidth
            ? [`the page is ${document.documentElement.scrollWidth} wide`]
            : [];
        const targets = [...document.querySelectorAll("button, a.chat-item, a.tab, input")]
          .map((element) => ({ element, box: element.getBoundingClientRect() }))
          .filter(
            ({ element, box }) => box.width > 0 && element.matches(":not([type=radio]):not(.reaction):not(.quote)"),
          )
          .filter(({ box }) => box.width < 44 || box.height < 44)
          .map(({ element, box }) => `${element.outerHTML.slice(0, 120)} is ${box.width} × ${box.height}`);
        return [...wide, ...targets];
      });
    await a.page.locator(".chat-item").nth(1).waitFor();
    expect(await small()).toEqual([]);
    expect(await a.page.locator(".stage").isVisible()).toBe(false);
    // Not opened, so not read.
    await b.ticked("hello", "Delivered").waitFor();
    await a.page.locator(".chat-item-title").getByText("Bob", { exact: true }).tap();
    await a.message("hello").waitFor();
    await b.ticked("hello", "Read").waitFor();
    expect(await a.page.locator(".sidebar").isVisible()).toBe(false);
    expect(await small()).toEqual([]);
    await a.write("from the phone");
    await b.message("from the phone").waitFor();
    await a.page.getByRole("button", { name: "Back" }).tap();
    await a.page.getByRole("heading", { name: "Chats", level: 1 }).waitFor();
    await a.page.goBack();
    await a.message("from the phone").waitFor();
    await a.page.getByRole("button", { name: "Back" }).tap();
    await a.page.locator(".chat-item", { hasText: "A name of a group" }).tap();
    await a.box.waitFor();
    expect(await small()).toEqual([]);
    const [head, screen] = await a.page.evaluate(() => [
      document.querySelector(".chat-head")?.getBoundingClientRect().right ?? Infinity,
      innerWidth,
    ]);
    expect(head).toBeLessThanOrEqual(screen ?? 0);
    expect([...a.faults, ...b.faults]).toEqual([]);
    await Promise.all([a.context.close(), b.context.close()]);
  });
});
