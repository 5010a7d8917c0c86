/** What people write is shown as they wrote it, and never becomes part of the page. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Client } from "../support/client.ts";
import { Api } from "../support/api.ts";
import { openBrowser, register, Window } from "./stage.ts";

const chromium = inject("chromium");
const server = inject("server");

const PAYLOADS = [
  "<img src=x onerror=hacked=1>",
  "<script>hacked=1</script>",
  '"><svg onload=hacked=1>',
  "<a href=javascript:hacked=1>click</a>",
  "{{constructor.constructor('hacked=1')()}}",
  "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
  "&lt;b&gt;not bold&lt;/b&gt;",
  "\u202Egnirts desrever\u202C",
];

describe.runIf(chromium !== "")("safety", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser(chromium);
  });
  afterAll(async () => {
    await browser?.close();
  });

  test("texts, names and group names with markup stay text; links are links of the web, and nothing else is one", async () => {
    const [image = ""] = PAYLOADS;
    const api = new Api(server.url);
    const ann = await register(server.url, "Ann");
    const eve = await register(server.url, "Eve");
    await api.get("PATCH /v1/me", eve.account.token, { name: image });
    const { group } = await api.get<{ group: { id: string } }>("POST /v1/groups", eve.account.token, {
      name: image,
      members: [ann.account.user.id],
    });
    const a = await Window.of(browser, server.url, ann);
    const writer = new Client({ url: server.url, token: eve.account.token, device: "eve" });
    await writer.connect();
    const links = [
      "https://example.com/a?b=c&d=<e> and more",
      "javascript:alert(1)",
      "data:text/html,<script>hacked=1</script>",
      "https://bank.example@evil.example/",
      "see http://example.org.",
    ];
    const texts = [...PAYLOADS, ...links];
    for (const [index, text] of texts.entries()) writer.send(group.id, text, `payload-${index}-of-eve`);
    await writer.until(() => writer.outbox.size === 0, "empty outbox");
    await a.openChat(image);
    await a.shows(texts);
    // In the search, in the details, in a quote and in a window above the page, too.
    await a.page.getByRole("button", { name: "Details" }).click();
    await a.page.getByRole("dialog").getByText(image).first().waitFor();
    await a.page.keyboard.press("Escape");
    await a.menu(PAYLOADS[1] ?? "", "Reply");
    await a.page
      .locator(".composer-context")
      .getByText(PAYLOADS[1] ?? "")
      .waitFor();
    const page = await a.page.evaluate(() => ({
      hacked: "hacked" in globalThis,
      made: document.querySelectorAll(".messages img, .messages script, .messages iframe, .messages b, .sidebar img")
        .length,
      links: [...document.querySelectorAll(".messages a")].map((link) => ({
        href: link.getAttribute("href"),
        rel: link.getAttribute("rel"),
        target: link.getAttribute("target"),
      })),
    }));
    const rest = { rel: "noopener noreferrer nofollow", target: "_blank" };
    expect(page).toEqual({
      hacked: false,
      made: 0,
      links: [
        { href: "https://example.com/a?b=c&d=", ...rest },
        { href: "http://example.org/", ...rest },
      ],
    });
    expect(a.faults).toEqual([]);
    await writer.close();
    await a.context.close();
  });

  test("the page's policy lets no script in but the page's own, and talks to nobody but its server", async () => {
    const a = await Window.open(browser, server.url);
    const wanted = ["connect-src", "frame-src", "img-src", "script-src-elem", "style-src-elem"];
    const hacked = await a.page.evaluate(async (directives) => {
      const missing = new Set(directives);
      const refused = new Promise<void>((resolve) => {
        document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
          missing.delete(effectiveDirective);
          if (missing.size === 0) resolve();
        });
      });
      const make = <Name extends keyof HTMLElementTagNameMap>(
        name: Name,
        more: Partial<HTMLElementTagNameMap[Name]>,
      ): void => document.body.append(Object.assign(document.createElement(name), more));
      make("script", { textContent: "hacked = 1" });
      make("style", { textContent: "body { display: none }" });
      make("iframe", { src: "https://example.com/" });
      make("img", { src: "https://example.com/pixel.png" });
      await fetch("https://example.com/").catch(() => {});
      await refused;
      return "hacked" in globalThis;
    }, wanted);
    expect(hacked).toBe(false);
    await a.context.close();
  });

  test("a text that is too long is not cut, and not sent; an address that leads nowhere says so", async () => {
    const ann = await register(server.url, "Ann");
    const bob = await register(server.url, "Bob");
    const a = await Window.of(browser, server.url, ann);
    await a.find(bob.username, "Bob");
    await a.box.fill("x".repeat(8193));
    await a.page.getByText("-1", { exact: true }).waitFor();
    await a.box.press("Enter");
    await a.page.getByText("This message is too long.").waitFor();
    expect(await a.page.locator(".message").count()).toBe(0);
    await a.box.press("Backspace");
    await a.box.press("Enter");
    await a.page.locator(".message").getByRole("img", { name: "Sent" }).waitFor();
    expect(await a.texts()).toEqual(["x".repeat(8192)]);
    for (const cid of ["nonsense", "g.nonsense", "g.01jd0000000000000000000000"]) {
      await a.page.goto(`${server.url}/c/${cid}`);
      await a.page.getByText("This chat is not available").waitFor();
    }
    expect(a.faults).toEqual([]);
    await a.context.close();
  });
});
