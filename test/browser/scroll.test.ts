/** Long chats: one goes to their beginning and back, and to what a search finds, and the page stays small. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Client } from "../support/client.ts";
import type { Frame } from "../support/connection.ts";
import { openBrowser, register, Window, type Login } from "./stage.ts";

const chromium = inject("chromium");
const server = inject("server");
const MANY = 50_000;
/** The message of these that is searched for. */
const OLD = 12_345;
/** Rows of two screens of short messages, with what is kept ready above and below. */
const MOST_ROWS = 120;
/** Messages that are written at once. */
const BATCH = 125;

describe.runIf(chromium !== "")("long chats", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser(chromium);
  });
  afterAll(async () => {
    await browser?.close();
  });

  test("of 50,000 messages an old one is found and read on from; all are scrolled through, with few rows in the page", async () => {
    const ann = await load(server.url, MANY, new Map([[OLD, "the lighthouse was here"]]));
    const a = await Window.of(browser, server.url, ann);
    await a.page.getByRole("searchbox").fill("lighthouse");
    await a.page.getByRole("button", { name: /lighthouse/ }).click();
    await a.message("the lighthouse was here").waitFor();
    await withoutHole(a);
    // Pages on both sides only: what lies between is not fetched.
    await a.page.getByRole("button", { name: "Newest messages" }).waitFor();
    expect(await a.page.evaluate(() => document.querySelector(".messages-scroll")?.scrollHeight)).toBeLessThan(40_000);
    // Downwards from there it goes on without a hole.
    await a.page.waitForFunction(
      (wanted) => {
        document.querySelector(".messages-scroll")?.scrollBy(0, 400);
        return [...document.querySelectorAll(".row [dir=auto]")].some(({ textContent }) => textContent === wanted);
      },
      `message ${OLD + 120}`,
    );
    await withoutHole(a);
    await a.page.getByRole("button", { name: "Newest messages" }).click();
    await a.message(`message ${MANY}`).waitFor();

    const moved = await scrolledUp(a);
    expect(moved.text).toMatch(/^message /);
    expect(Math.abs(moved.by)).toBeLessThan(2);
    expect(await mostRowsToTheFirst(a)).toBeLessThan(MOST_ROWS);
    await withoutHole(a);
    // In the middle neighbours are neighbours.
    await a.page.evaluate(() => {
      const scroller = document.querySelector(".messages-scroll");
      if (scroller !== null) scroller.scrollTop = scroller.scrollHeight / 2;
    });
    await expect.poll(async () => (await shownNumbers(a))[0]).toBeGreaterThan(MANY / 10);
    expect((await shownNumbers(a))[0]).toBeLessThan(MANY - MANY / 10);
    await withoutHole(a);
    await a.page.getByRole("button", { name: "Newest messages" }).click();
    await a.message(`message ${MANY}`).waitFor();
    expect(await a.page.locator(".row").count()).toBeLessThan(MOST_ROWS);
    await a.write("and one more");
    await a.ticked("and one more", "Sent").waitFor();
    expect(a.faults).toEqual([]);
    await a.context.close();
  }, 600_000);
});

/** Somebody to whom Bob has written so many messages: "message 1", and so on, but for some. */
async function load(url: string, count: number, others: ReadonlyMap<number, string> = new Map()): Promise<Login> {
  const ann = await register(url, "Ann");
  const bob = await register(url, "Bob");
  const writer = new Client({ url, token: bob.account.token, device: "loader" });
  await writer.connect();
  const frame = (index: number): Frame => ({
    t: "send",
    id: `loaded-message-${index}`,
    to: `@${ann.account.user.id}`,
    body: { text: others.get(index) ?? `message ${index}` },
  });
  for (let sent = 0; sent < count; sent += BATCH) {
    writer.post(...Array.from({ length: BATCH }, (_, at) => frame(sent + at + 1)));
    // The next go on their way before all of these are answered.
    await writer.until(() => writer.outbox.size <= 4 * BATCH, "room in the outbox");
  }
  await writer.until(() => writer.outbox.size === 0, "empty outbox");
  await writer.close();
  return ann;
}

/** Goes near the beginning of what is there, until older messages have come before it: what one looked at, and how far that has moved, px. */
async function scrolledUp({ page }: Window): Promise<{ text: string; by: number }> {
  return page.evaluate(async () => {
    const scroller = document.querySelector(".messages-scroll");
    if (scroller === null) throw new Error("there is no list");
    const until = Date.now() + 60_000;
    const frame = async (): Promise<void> => {
      if (Date.now() > until) throw new Error(`no older messages came; the list stands at ${scroller.scrollTop}`);
      await new Promise(requestAnimationFrame);
    };
    const places = (): Map<string, number> =>
      new Map(
        [...scroller.querySelectorAll(".row [dir=auto]")].map((row) => [
          row.textContent ?? "",
          row.getBoundingClientRect().top - scroller.getBoundingClientRect().top,
        ]),
      );
    const length = scroller.scrollHeight;
    scroller.scrollTop = 200;
    // The page is rendered before the browser tells it that somebody has scrolled.
    document.dispatchEvent(new Event("visibilitychange"));
    // Rows of where it was before may still be in the page, below the view: it holds on to none of them.
    const shown = (): [string, number] | undefined =>
      [...places()].find(([, top]) => top >= 0 && top < scroller.clientHeight);
    let first = shown();
    for (; first === undefined; first = shown()) await frame();
    const [text, place] = first;
    while (scroller.scrollHeight < length + 2000) await frame();
    // The list draws what it holds on to once it has been moved there.
    while (!places().has(text)) await frame();
    await frame();
    return { text, by: (places().get(text) ?? Infinity) - place };
  });
}

/** Upwards, as a hand does it that is in a hurry; the most rows that were in the page at once. */
async function mostRowsToTheFirst({ page }: Window): Promise<number> {
  return page.evaluate(async () => {
    const scroller = document.querySelector(".messages-scroll");
    if (scroller === null) throw new Error("there is no list");
    let most = 0;
    for (const until = Date.now() + 300_000; Date.now() < until;) {
      const rows = [...scroller.querySelectorAll(".row [dir=auto]")];
      most = Math.max(most, scroller.querySelectorAll(".row").length);
      if (rows.some(({ textContent }) => textContent === "message 1")) return most;
      scroller.scrollTop = 0;
      await new Promise(requestAnimationFrame);
    }
    throw new Error(`the beginning was not reached; ${scroller.scrollHeight} px are here`);
  });
}

/** The numbers of the messages that are in the page, in their order there; `OLD` for the one that has none. */
async function shownNumbers(window: Window): Promise<number[]> {
  return (await window.texts()).map((text) => Number(/^message (\d+)$/.exec(text)?.[1] ?? OLD));
}

/** What is in the page are neighbours. */
async function withoutHole(window: Window): Promise<void> {
  const numbers = await shownNumbers(window);
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
}
