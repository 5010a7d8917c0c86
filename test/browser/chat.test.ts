/** People who chat, each in a browser of their own. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Api } from "../support/api.ts";
import { openBrowser, register, Window } from "./stage.ts";

const chromium = inject("chromium");
const server = inject("server");

describe.runIf(chromium !== "")("in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser(chromium);
  });
  afterAll(async () => {
    await browser?.close();
  });

  test("two people sign up, find each other and write; ticks turn read", async () => {
    const a = await Window.open(browser, server.url);
    const b = await Window.open(browser, server.url);
    // Nobody else on this server has a name that begins so.
    await a.signUp("lee.ann", "Ann Lee");
    await b.signUp("ray.bob", "Bob Ray");
    await a.find("ray", "Bob Ray");
    await a.write("hi Bob");
    // Bob has it, and looks at his list.
    await a.ticked("hi Bob", "Delivered").waitFor();
    await b.page.getByRole("link", { name: /Ann Lee.*hi Bob.*1 unread message/ }).waitFor();
    await expect.poll(() => b.page.title()).toBe("(1) MPIM");
    await b.openChat("Ann Lee");
    await a.ticked("hi Bob", "Read").waitFor();
    await Promise.all([a.page.getByText("Bob Ray is typing…").waitFor(), b.box.pressSequentially("hi")]);
    // A picture goes where the caret is, and one writes on behind it.
    await b.box.press("Home");
    await b.page.getByRole("button", { name: "Insert emoji" }).click();
    await b.page.getByRole("menuitem", { name: "🎉" }).click();
    await b.page.keyboard.type(" ");
    await b.box.press("Enter");
    await a.shows(["hi Bob", "🎉 hi"]);
    await b.ticked("🎉 hi", "Read").waitFor();
    await expect.poll(() => b.page.title()).toBe("MPIM");
    expect([...a.faults, ...b.faults]).toEqual([]);
    await Promise.all([a.context.close(), b.context.close()]);
  });

  test("three devices of one person stay in step", async () => {
    const ann = await register(server.url, "Ann");
    const bob = await register(server.url, "Bob");
    const devices = await Promise.all([1, 2, 3].map(() => Window.of(browser, server.url, ann)));
    const b = await Window.of(browser, server.url, bob);
    const [first, second, third] = devices as [Window, Window, Window];
    await first.find(bob.username, "Bob");
    await first.write("one", "two");
    for (const device of [second, third]) await device.openChat("Bob");
    await b.openChat("Ann");
    await b.write("three");
    await second.shows(["one", "two", "three"]);
    await second.write("four");
    await first.shows(["one", "two", "three", "four"]);

    await first.menu("one", "Edit");
    await first.box.fill("uno");
    await first.box.press("Enter");
    await second.menu("two", "Recall");
    await second.page.getByRole("dialog").getByRole("button", { name: "Recall" }).click();
    await third.menu("three", "React with 🎉");
    await b.menu("three", "React with 🎉");
    await third.menu("four", "More emoji");
    await third.page.getByRole("menuitem", { name: "React with 🚀" }).click();
    await b.menu("four", "Reply");
    await b.write("five");
    for (const window of [...devices, b]) {
      await window.shows(["uno", "three", "four", "five"]);
      await window.page.getByText("edited").waitFor();
      await window.page
        .getByText(window === b ? "This message was recalled" : "You recalled this message")
        .first()
        .waitFor();
      await window.message("three").locator(".reaction", { hasText: "2" }).waitFor();
      await window.message("four").locator(".reaction", { hasText: "🚀" }).waitFor();
      await window.message("five").getByRole("button", { name: /four/ }).waitFor();
    }
    // Reading on one device is reading on all.
    await b.page.goto(server.url);
    await first.write("six");
    await b.openChat("Ann");
    for (const device of devices) await device.ticked("six", "Read").waitFor();
    expect([...devices, b].flatMap(({ faults }) => faults)).toEqual([]);
    await Promise.all([...devices, b].map(({ context }) => context.close()));
  });

  test("a group: made, written to with a mention, read, roles, left", async () => {
    const [ann, bob, cleo] = [
      await register(server.url, "Ann"),
      await register(server.url, "Bob"),
      await register(server.url, "Cleo Fox"),
    ];
    const a = await Window.of(browser, server.url, ann);
    const b = await Window.of(browser, server.url, bob);
    const dialog = a.page.getByRole("dialog");
    await a.page.getByRole("button", { name: "New chat" }).first().click();
    await a.page.getByRole("button", { name: "New group" }).click();
    await a.page.getByLabel("Group name").fill("Crew");
    await a.page.getByLabel("Add people").fill(bob.username);
    await dialog.getByRole("button", { name: "Bob" }).click();
    await a.page.getByRole("button", { name: "Create group" }).click();
    await a.page.getByRole("heading", { name: "Crew", level: 2 }).waitFor();

    await a.page.getByRole("button", { name: "Details" }).click();
    await a.page.getByRole("button", { name: "Invite" }).click();
    await a.page.getByLabel("Add people").fill(cleo.username);
    await dialog.getByRole("button", { name: "Cleo Fox" }).click();
    await dialog.getByRole("button", { name: "Invite" }).click();
    await dialog.getByRole("heading", { name: "3 members" }).waitFor();
    await a.page.getByRole("button", { name: "Actions for Bob" }).click();
    await a.page.getByRole("menuitem", { name: "Make admin" }).click();
    await dialog.getByText("Admin").waitFor();
    // Who knows the name finds it and joins.
    await dialog.getByRole("checkbox", { name: "Anyone can find and join this group" }).check();
    await a.page.keyboard.press("Escape");
    const dan = await register(server.url, "Dan");
    // A search is not repeated by itself: it is to find what was changed just now.
    const open = async (): Promise<number> =>
      (await new Api(server.url).get<{ groups: [] }>("GET /v1/groups?q=cre", dan.account.token)).groups.length;
    await expect.poll(open).toBe(1);
    const d = await Window.of(browser, server.url, dan);
    await d.page.getByRole("searchbox").fill("cre");
    await d.page.getByRole("button", { name: "Join" }).click();
    await d.page.getByRole("heading", { name: "Crew", level: 2 }).waitFor();
    await a.page.getByText("Dan joined").first().waitFor();
    await d.context.close();

    await a.box.pressSequentially("ahoy @cl");
    await a.page.getByRole("option", { name: "Cleo Fox" }).waitFor();
    await a.box.press("Enter");
    await a.box.press("Enter");
    await b.openChat("Crew");
    await b.message("ahoy @Cleo Fox").locator(".mention").getByText("@Cleo Fox").waitFor();
    await a.menu("ahoy @Cleo Fox", "Message info");
    await dialog.getByRole("heading", { name: "Read by 1", exact: true }).waitFor();
    await dialog.getByRole("heading", { name: "Not yet read by 2" }).waitFor();
    await a.page.keyboard.press("Escape");

    await b.page.getByText("Ann made you admin").waitFor();
    await b.page.getByRole("button", { name: "Details" }).click();
    await b.page.getByRole("button", { name: "Leave group" }).click();
    await b.page
      .getByRole("dialog", { name: "Leave this group?" })
      .getByRole("button", { name: "Leave group" })
      .click();
    await b.page.getByText("No chats yet").waitFor();
    await a.page.getByText("Bob left").first().waitFor();
    expect([...a.faults, ...b.faults]).toEqual([]);
    await Promise.all([a.context.close(), b.context.close()]);
  });

  test("contacts are asked and say yes; messages are searched; what is muted does not count", async () => {
    const ann = await register(server.url, "Ann");
    const bob = await register(server.url, "Bob");
    const a = await Window.of(browser, server.url, ann);
    const b = await Window.of(browser, server.url, bob);
    await a.find(bob.username, "Bob");
    await a.write("the lighthouse is at the northern end", "something else");
    await a.page.getByRole("button", { name: "Details" }).click();
    await a.page.getByRole("button", { name: "Add to contacts" }).click();
    await a.page.getByLabel("Note (optional)").fill("from the office");
    await a.page.getByRole("button", { name: "Send request" }).click();
    await a.page.getByRole("button", { name: "Cancel request" }).waitFor();
    await a.page.getByRole("button", { name: "Mute" }).click();
    await a.page.getByRole("button", { name: "Pin", exact: true }).click();
    await a.page.getByRole("button", { name: "Unpin" }).waitFor();
    await a.page.keyboard.press("Escape");

    await b.page.getByRole("link", { name: "Contacts" }).click();
    await b.page.getByText("“from the office”").waitFor();
    await b.page.getByRole("button", { name: "Accept" }).click();
    await a.page.getByRole("link", { name: "Contacts" }).click();
    await a.page.locator(".sidebar").getByRole("button", { name: "Bob" }).waitFor();
    await a.page.getByRole("link", { name: "Chats" }).click();

    await a.page.getByRole("img", { name: "Pinned" }).waitFor();
    await a.page.getByRole("img", { name: "Muted" }).waitFor();
    await b.page.getByRole("link", { name: "Chats" }).click();
    await b.openChat("Ann");
    // Found once it is in the store.
    const { token } = bob.account;
    const search = "GET /v1/search?q=northern%20lighthouse";
    const stored = async (): Promise<number> =>
      (await new Api(server.url).get<{ results: [] }>(search, token)).results.length;
    await expect.poll(stored).toBe(1);
    await b.page.getByRole("searchbox").fill("northern lighthouse");
    await b.page.locator("mark").first().waitFor();
    expect(await b.page.locator("mark").allTextContents()).toEqual(["lighthouse", "northern"]);
    const found = b.page.locator(".sidebar").getByRole("button", { name: /Ann.*lighthouse/ });
    // Marked for a moment only.
    await Promise.all([b.page.locator(".message.marked").getByText("northern end").waitFor(), found.click()]);
    expect([...a.faults, ...b.faults]).toEqual([]);
    await Promise.all([a.context.close(), b.context.close()]);
  });
});
