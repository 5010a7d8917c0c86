/** What is written to be shown in another order than it stands there: links are shown as they are meant. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Client } from "../support/client.ts";
import { openBrowser, register, Window } from "./stage.ts";

const chromium = inject("chromium");
const server = inject("server");

describe.runIf(chromium !== "")("signs that say which way to read", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser(chromium);
  });
  afterAll(async () => {
    await browser?.close();
  });

  test("a link is shown from left to right whatever stands around it, with the host where that reads otherwise", async () => {
    const ann = await register(server.url, "Ann");
    const eve = await register(server.url, "Eve");
    const writer = new Client({ url: server.url, token: eve.account.token, device: "eve" });
    await writer.connect();
    const [me, you] = [ann.account.user.id, eve.account.user.id];
    const cid = me < you ? `d.${me}.${you}` : `d.${you}.${me}`;
    writer.send(cid, "\u202Ehttps://evil.example/moc.knab//:sptth", "turned-before");
    writer.send(cid, "https://evil.example/\u202Emoc.knab", "turned-within");
    writer.send(cid, "https://аррӏе.example/login", "looks-alike");
    await writer.until(() => writer.outbox.size === 0, "an empty outbox");
    await writer.close();
    const window = await Window.of(browser, server.url, ann);
    await window.openChat("Eve");
    const links = window.page.locator(".message a");
    await links.nth(2).waitFor();
    const shown = await links.evaluateAll((all) =>
      all.map((link) => {
        const text = link.firstChild as Text;
        const at = Array.from(text.data, (_, index) => {
          const range = document.createRange();
          range.setStart(text, index);
          range.setEnd(text, index + 1);
          return range.getBoundingClientRect().left;
        });
        return {
          text: text.data,
          straight: at.every((left, index) => left >= (at[index - 1] ?? left)),
          host: link.nextElementSibling?.textContent,
        };
      }),
    );
    expect(shown).toEqual([
      { text: "https://evil.example/moc.knab//:sptth", straight: true, host: undefined },
      { text: "https://evil.example/", straight: true, host: undefined },
      { text: "https://аррӏе.example/login", straight: true, host: " (xn--80ak6aa92e.example)" },
    ]);
    expect(window.faults).toEqual([]);
    await window.context.close();
    await writer.close();
  });
});
