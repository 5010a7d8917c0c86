/** `npm run screenshots`: a server, some people who chat, and pictures of the web client for the README, in docs/screenshots. */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Browser } from "playwright-core";
import { Window, openBrowser } from "../stage.ts";
import { findChromium } from "../setup.ts";
import { startServer } from "../../support/server.ts";
import { populate, type Cast } from "./cast.ts";

const FOLDER = resolve(import.meta.dirname, "../../../docs/screenshots");
const chromium = findChromium();
if (chromium === undefined) {
  console.error("error: no Chromium: set CHROMIUM, or install Debian's chromium");
  process.exit(1);
}
mkdirSync(FOLDER, { recursive: true });
await using server = await startServer({
  config: { limits: { rate: 5000, burst: 20_000 }, auth: { scrypt_log_n: 10 } },
});
const browser = await openBrowser(chromium);
try {
  const cast = await populate(server.url);
  await desktop(browser, cast, "light");
  await desktop(browser, cast, "dark");
  await phone(browser, cast);
} finally {
  await browser.close();
}

async function desktop(on: Browser, cast: Cast, colorScheme: "light" | "dark"): Promise<void> {
  const window = await Window.of(on, server.url, cast.hero, { colorScheme });
  await window.openChat(cast.group);
  await window.page.getByText(cast.lastInGroup).first().waitFor();
  cast.type(colorScheme === "light" ? 0 : 1);
  await window.page.locator(".chat-head-status.writing").waitFor();
  await window.box.fill("Great, then let us ship it");
  await take(window, `chat-${colorScheme}`);
  await window.context.close();
}

async function phone(on: Browser, cast: Cast): Promise<void> {
  const options = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true } as const;
  const window = await Window.of(on, server.url, cast.hero, options);
  await window.page.getByText(cast.lastInDirect).first().waitFor();
  await take(window, "phone-list");
  await window.openChat(cast.friend);
  await window.page.locator(".bubble").getByText(cast.lastInDirect).waitFor();
  await take(window, "phone-chat");
  await window.page.getByRole("button", { name: "Back" }).tap();
  await window.page.getByRole("link", { name: "Settings" }).tap();
  await window.page.getByRole("radio", { name: "中文" }).check({ force: true });
  await window.page.getByRole("radio", { name: "深色" }).check({ force: true });
  await window.page.getByRole("heading", { name: "设置" }).waitFor();
  await window.page.getByRole("link", { name: "聊天" }).tap();
  await window.openChat(cast.group);
  await window.page.locator(".bubble").getByText(cast.lastInGroup).waitFor();
  // A device that is new asks who has read what.
  await window.page.locator(".ticks-read").last().waitFor();
  await take(window, "phone-dark-zh");
  await window.context.close();
}

async function take({ page }: Window, name: string): Promise<void> {
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: resolve(FOLDER, `${name}.png`), animations: "disabled" });
  console.log(`docs/screenshots/${name}.png`);
}
