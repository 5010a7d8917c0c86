/** A chat of 10,000 messages: one goes to its beginning and back, and the page stays small. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Client } from "../support/client.ts";
import { startServer, type Server } from "../support/server.ts";
import { CONFIG, openBrowser, register, Window } from "./stage.ts";

const chromium = inject("chromium");
const MESSAGES = 10_000;
/** Rows of two screens of short messages, with what is kept ready above and below. */
const MOST_ROWS = 120;

describe.runIf(chromium !== "")("10,000 messages", () => {
  let server: Server;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([startServer({ config: CONFIG }), openBrowser(chromium)]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  test("are scrolled through to the first and back to the last with few rows in the page", async () => {
    const ann = await register(server.url, "Ann");
    const bob = await register(server.url, "Bob");
    const writer = new Client({ url: server.url, token: bob.account.token, device: "loader" });
    await writer.connect();
    for (let sent = 0; sent < MESSAGES; sent += 1000) {
      for (let index = sent + 1; index <= sent + 1000; index += 1) {
        writer.send(`@${ann.account.user.id}`, `message ${index}`, `loaded-message-${index}`);
      }
      await writer.until(() => writer.outbox.size === 0, "empty outbox");
    }
    await writer.close();

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
});
