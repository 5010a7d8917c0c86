/** Many chats, many members: the page asks for what it shows, and keeps the rest out of it. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Api } from "../support/api.ts";
import { openLine } from "./line.ts";
import { openBrowser, register, Window, type Login } from "./stage.ts";

const chromium = inject("chromium");
const server = inject("server");
/** More than are known of a group when somebody is mentioned. */
const MEMBERS = 510;
const CHATS = 150;
/** Rows of a screen, with what is kept ready. */
const MOST_ROWS = 40;

async function all<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next; index < count; index = next) {
      next += 1;
      made.push(await make(index));
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  return made;
}

describe.runIf(chromium !== "")("many", () => {
  let browser: Browser;
  let api: Api;
  beforeAll(async () => {
    browser = await openBrowser(chromium);
    api = new Api(server.url);
  });
  afterAll(async () => {
    await browser?.close();
  });

  test("in a large group the owner has all rights, members come as one scrolls, and few requests are made", async () => {
    const people = await all(MEMBERS, async (index) => register(server.url, `Member ${index}`));
    const uid = ({ account }: Login): string => account.user.id;
    // Members are in the order of their ids: the owner is on the last page.
    const sorted = people.toSorted((a, b) => (uid(a) < uid(b) ? -1 : 1));
    const owner = sorted.at(-1) as Login;
    const last = sorted.at(-2) as Login;
    const first = sorted[0] as Login;
    await api.get("POST /v1/groups", owner.account.token, { name: "Large", members: sorted.slice(0, -1).map(uid) });
    const a = await Window.of(browser, server.url, owner);
    const asked: string[] = [];
    a.page.on("request", (request) => {
      const { pathname } = new URL(request.url());
      if (/^\/v1\/(users|groups)\//.test(pathname)) asked.push(pathname);
    });
    /** The group is there, with the names in what happened to it; and what was asked for until now is known here. */
    const shown = async (): Promise<string[]> => {
      await a.page.locator(".chat-head-status").getByText(`${MEMBERS} members`).waitFor();
      const notes = a.page.locator(".note");
      await notes.getByText("You created the group").waitFor();
      // Invited by the five hundred.
      const invited = notes.getByText(/^You added Member \d+, Member \d+, Member \d+ and \d+ more$/);
      await expect.poll(() => invited.count()).toBe(2);
      await Promise.all([a.page.waitForRequest("**/healthz"), a.page.evaluate(() => fetch("/healthz"))]);
      return asked.filter((path) => path.startsWith("/v1/users/"));
    };
    await a.openChat("Large");
    // Names in what happened to the group, its card, and nobody else.
    const names = await shown();
    expect(asked.length).toBeLessThan(8);
    await a.page.reload();
    // Names are remembered; the card is asked again, which may have changed.
    expect(await shown()).toEqual(names);

    const dialog = a.page.getByRole("dialog");
    await a.page.getByRole("button", { name: "Details" }).click();
    await dialog.getByRole("button", { name: "Delete group" }).waitFor();
    await dialog.getByRole("button", { name: "Edit group" }).click();
    await dialog.getByLabel("Group name").fill("L".repeat(128));
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("L".repeat(128)).first().waitFor();
    await dialog.getByText(first.account.user.name, { exact: true }).waitFor();
    expect(await dialog.locator(".person-row").count()).toBeLessThan(MOST_ROWS);
    const bottom = dialog.getByText(last.account.user.name, { exact: true });
    await expect
      .poll(async () => {
        await a.page.evaluate(() => document.querySelector("dialog[open]")?.scrollTo(0, 1e6));
        return bottom.count();
      })
      .toBe(1);
    expect(await dialog.locator(".person-row").count()).toBeLessThan(MOST_ROWS);
    await expect.poll(() => dialog.locator(".person-row").last().getAttribute("aria-posinset")).toBe(String(MEMBERS));
    await dialog.getByRole("button", { name: `Actions for ${last.account.user.name}` }).click();
    await a.page.getByRole("menuitem", { name: "Make admin" }).waitFor();
    await a.page.keyboard.press("Escape");
    await a.page.getByRole("menu").waitFor({ state: "detached" });
    await a.page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    // Somebody of the members whose name was never shown is found by its letters.
    const unseen = sorted[200] as Login;
    await a.box.pressSequentially(`@${unseen.account.user.name}`);
    await a.page.getByRole("option", { name: unseen.account.user.name, exact: true }).waitFor();
    expect(a.faults).toEqual([]);
    await a.context.close();
  });

  test("of many chats those near the view are in the page; the keyboard and the wheel reach all", async () => {
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    const members = [ann.account.user.id];
    await all(CHATS, async (index) =>
      api.get("POST /v1/groups", bob.account.token, { name: `Chat ${index}.`, members }),
    );
    const a = await Window.of(browser, server.url, ann);
    const items = a.page.locator(".chat-item");
    await a.page.locator(`li[aria-setsize="${CHATS}"]`).first().waitFor();
    expect(await items.count()).toBeLessThan(MOST_ROWS);
    await items.first().focus();
    for (let place = 1; place <= CHATS; place += 1) {
      if (place > 1) await a.page.keyboard.press("ArrowDown");
      // Keys that come faster than rows are drawn go nowhere, as in any list.
      await a.page.waitForFunction(
        ([here, last]) => {
          const item = document.activeElement?.closest("li");
          const at = Number(item?.getAttribute("aria-posinset"));
          return at === here && (at === last || item?.nextElementSibling !== null);
        },
        [place, CHATS] as const,
      );
    }
    expect(await items.count()).toBeLessThan(MOST_ROWS);
    // What is new comes to the top, also while one looks at the end.
    const oldest = (await items.last().locator(".chat-item-title").textContent()) ?? "";
    await items.last().click();
    await a.page.getByRole("heading", { name: oldest, level: 2 }).waitFor();
    await a.write("up with it");
    await a.page.locator(".sidebar-list").evaluate((list) => list.scrollTo(0, 0));
    await a.page.locator(".chat-item").first().getByText("up with it").waitFor();
    await expect.poll(() => items.first().locator(".chat-item-title").textContent()).toBe(oldest);
    expect(a.faults).toEqual([]);
    await a.context.close();
  });

  test("a group that one was removed from stays in the list as long as something in it was not sent", async () => {
    await using line = await openLine(server.port);
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    const { group } = await api.get<{ group: { id: string } }>("POST /v1/groups", bob.account.token, {
      name: "Crew",
      members: [ann.account.user.id],
    });
    const a = await Window.of(browser, line.url, ann);
    await a.openChat("Crew");
    line.cut();
    await a.write("too late");
    await a.ticked("too late", "Waiting to be sent").waitFor();
    await api.call(`DELETE /v1/groups/${group.id}/members/${ann.account.user.id}`, bob.account.token);
    line.mend();
    await a.page.evaluate(() => dispatchEvent(new Event("online")));
    await a.page.getByText("You are no longer a member of this group.").waitFor();
    await a.ticked("too late", "Not sent").waitFor();
    const item = a.page.locator(".chat-item", { hasText: "Crew" });
    await item.getByText("too late").waitFor();
    await a.page.goto(line.url);
    await item.click();
    await a.message("too late").getByRole("button", { name: "Delete" }).click();
    await item.waitFor({ state: "detached" });
    expect(a.faults).toEqual([]);
    await a.context.close();
  });

  test("with colours of one's own, bubbles have an edge, and the open chat and the tab are marked", async () => {
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    const a = await Window.of(browser, server.url, ann, { forcedColors: "active" });
    await a.find(bob.username, "Bob");
    await a.write("hello");
    await a.ticked("hello", "Sent").waitFor();
    await a.page.locator(".chat-item[aria-current]").waitFor();
    const shown = await a.page.evaluate(() => {
      const style = (selector: string): CSSStyleDeclaration =>
        getComputedStyle(document.querySelector(selector) as Element);
      return {
        bubble: style(".bubble").borderTopStyle,
        chat: style(".chat-item[aria-current]").backgroundColor !== style(".sidebar").backgroundColor,
        tab: style(".tab[aria-current]").backgroundColor !== style(".tab:not([aria-current])").backgroundColor,
      };
    });
    expect(shown).toEqual({ bubble: "solid", chat: true, tab: true });
    await a.context.close();
  });
});
