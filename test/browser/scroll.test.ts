/** Long chats: one goes to their beginning and back, and to what a search finds, and the page stays small. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Client } from "../support/client.ts";
import { startServer, type Server } from "../support/server.ts";
import { CONFIG, openBrowser, register, Window, type Login } from "./stage.ts";

const chromium = inject("chromium");
const MESSAGES = 10_000;
const MANY = 50_000;
/** The message of these that is searched for. */
const OLD = 12_345;
/** Rows of two screens of short messages, with what is kept ready above and below. */
const MOST_ROWS = 120;

describe.runIf(chromium !== "")("long chats", () => {
  let server: Server;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([startServer({ config: CONFIG }), openBrowser(chromium)]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  test("10,000 messages are scrolled through to the first and back to the last with few rows in the page", async () => {
    const ann = await load(server.url, MESSAGES);
    const a = await Window.of(browser, server.url, ann);
    await a.openChat("Bob");
    await a.page
      .getByRole("button", { name: "Newest messages" })
      .or(a.message(`message ${MESSAGES}`))
      .first()
      .waitFor();
    // What one looks at stays where it is when older messages come before it.
    const moved = await a.page.evaluate(async () => {
      const scroller = document.querySelector(".messages-scroll");
      if (scroller === null) throw new Error("there is no list");
      const frame = (): Promise<void> => new Promise((resolve) => requestAnimationFrame(() => resolve()));
      const places = (): Map<string, number> =>
        new Map(
          [...scroller.querySelectorAll(".row [dir=auto]")].map((row) => [
            row.textContent ?? "",
            row.getBoundingClientRect().top - scroller.getBoundingClientRect().top,
          ]),
        );
      const length = scroller.scrollHeight;
      scroller.scrollTop = 200;
      // Rows of where it was before may still be in the page, below the view: it holds on to none of them.
      const shown = (): [string, number] | undefined =>
        [...places()].find(([, top]) => top >= 0 && top < scroller.clientHeight);
      let first = shown();
      for (let frames = 0; frames < 60 && first === undefined; frames += 1) {
        await frame();
        first = shown();
      }
      const [text = "", place = 0] = first ?? [];
      while (scroller.scrollHeight < length + 2000) await frame();
      // The list draws what it holds on to once it has been moved there.
      for (let frames = 0; frames < 60 && !places().has(text); frames += 1) await frame();
      await frame();
      return { text, by: (places().get(text) ?? Infinity) - place };
    });
    expect(moved.text).toMatch(/^message /);
    expect(Math.abs(moved.by)).toBeLessThan(2);
    // Upwards, as a hand does it: a screen at a time, or at once to where the list begins.
    const seen = await a.page.evaluate(async () => {
      const scroller = document.querySelector(".messages-scroll");
      if (scroller === null) throw new Error("there is no list");
      let most = 0;
      const rows = (): string[] => {
        const shown = [...scroller.querySelectorAll(".row [dir=auto]")].map(({ textContent }) => textContent ?? "");
        most = Math.max(most, scroller.querySelectorAll(".row").length);
        return shown;
      };
      const frame = (): Promise<void> => new Promise((resolve) => requestAnimationFrame(() => resolve()));
      const until = Date.now() + 90_000;
      while (!rows().includes("message 1")) {
        if (Date.now() > until) throw new Error(`the beginning was not reached; shown are ${rows().join(", ")}`);
        scroller.scrollTop = 0;
        await frame();
      }
      return most;
    });
    expect(seen).toBeLessThan(MOST_ROWS);
    // In the middle neighbours are neighbours.
    await a.page.evaluate(() => {
      const scroller = document.querySelector(".messages-scroll");
      if (scroller !== null) scroller.scrollTop = scroller.scrollHeight / 2;
    });
    await a.page.waitForFunction(() => {
      const numbers = [...document.querySelectorAll(".row [dir=auto]")].map((one) =>
        Number(one.textContent?.split(" ")[1]),
      );
      const sorted = numbers.toSorted((x, y) => x - y);
      const [first = 0] = sorted;
      return first > 1000 && first < 9000 && sorted.every((number, index) => number === first + index);
    });
    await a.page.getByRole("button", { name: "Newest messages" }).click();
    await a.message(`message ${MESSAGES}`).waitFor();
    expect(await a.page.locator(".row").count()).toBeLessThan(MOST_ROWS);
    await a.write("and one more");
    await a.ticked("and one more", "Sent").waitFor();
    expect(a.faults).toEqual([]);
    await a.context.close();
  });

  test("of 50,000 messages an old one is found, shown at once, read on from, and all are scrolled through", async () => {
    const ann = await load(server.url, MANY, new Map([[OLD, "the lighthouse was here"]]));
    const a = await Window.of(browser, server.url, ann);
    await a.page.getByRole("searchbox").fill("lighthouse");
    await a.page.getByRole("button", { name: /lighthouse/ }).click();
    await a.message("the lighthouse was here").waitFor();
    await withoutHole(a);
    // Pages on both sides only: what lies between is not fetched.
    await a.page.getByRole("button", { name: "Newest messages" }).waitFor();
    const length = await a.page.evaluate(() => document.querySelector(".messages-scroll")?.scrollHeight ?? 0);
    expect(length).toBeLessThan(40_000);
    // Downwards from there it goes on without a hole.
    await a.page.evaluate(() => document.querySelector(".messages-scroll")?.scrollBy(0, 1e6));
    await a.page.waitForFunction(
      (to) =>
        [...document.querySelectorAll(".row [dir=auto]")].some(({ textContent }) => textContent === `message ${to}`),
      OLD + 120,
    );
    await withoutHole(a);
    await a.page.getByRole("button", { name: "Newest messages" }).click();
    await a.message(`message ${MANY}`).waitFor();

    const seen = await a.page.evaluate(async () => {
      const scroller = document.querySelector(".messages-scroll");
      if (scroller === null) throw new Error("there is no list");
      let most = 0;
      const first = (): boolean => {
        const rows = [...scroller.querySelectorAll(".row [dir=auto]")];
        most = Math.max(most, rows.length);
        return rows.some(({ textContent }) => textContent === "message 1");
      };
      const until = Date.now() + 150_000;
      while (!first()) {
        if (Date.now() > until) throw new Error(`the beginning was not reached; ${scroller.scrollHeight} px are here`);
        scroller.scrollTop = 0;
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      return most;
    });
    expect(seen).toBeLessThan(MOST_ROWS);
    await a.page.evaluate(() => document.querySelector(".messages-scroll")?.scrollTo(0, 1e6));
    await a.page.waitForFunction(() => document.querySelectorAll(".row [dir=auto]").length > 5);
    await withoutHole(a);
    expect(a.faults).toEqual([]);
    await a.context.close();
  }, 300_000);
});

/** Somebody to whom Bob has written so many messages: "message 1", and so on, but for some. */
async function load(url: string, count: number, others: ReadonlyMap<number, string> = new Map()): Promise<Login> {
  const ann = await register(url, "Ann");
  const bob = await register(url, "Bob");
  const writer = new Client({ url, token: bob.account.token, device: "loader" });
  await writer.connect();
  for (let sent = 0; sent < count; sent += 1000) {
    for (let index = sent + 1; index <= sent + 1000; index += 1) {
      const text = others.get(index) ?? `message ${index}`;
      writer.send(`@${ann.account.user.id}`, text, `loaded-message-${index}`);
    }
    await writer.until(() => writer.outbox.size === 0, "empty outbox");
  }
  await writer.close();
  return ann;
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
