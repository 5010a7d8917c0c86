/** A user with two browsers sees both, and signs one out from the other. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Api } from "../support/api.ts";
import { Client } from "../support/client.ts";
import { wrong } from "./axe.ts";
import { openBrowser, register, Window, type Login } from "./stage.ts";

const chromium = inject("chromium");
const server = inject("server");

const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1";
const ENDED = "You have been signed out from elsewhere, or your login has expired.";

/** The list, each place as a line. */
async function places(page: Page): Promise<string[]> {
  return page
    .getByRole("list", { name: "Devices" })
    .getByRole("listitem")
    .evaluateAll((items) => items.map((item) => (item as HTMLElement).innerText.replaceAll(/\s*\n\s*/g, " | ")));
}

async function openSettings({ page }: Window): Promise<void> {
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("list", { name: "Devices" }).waitFor();
}

async function confirm({ page }: Window): Promise<void> {
  await page.getByRole("dialog").getByRole("button", { name: "Sign out", exact: true }).click();
}

/** What is left of an account in a browser. */
async function kept({ page }: Window): Promise<unknown> {
  await page.waitForFunction(async () => (await indexedDB.databases()).length === 0);
  return page.evaluate(() => [
    Object.keys(localStorage),
    Object.keys(sessionStorage),
    location.pathname,
    document.title,
  ]);
}

describe.runIf(chromium !== "")("devices", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser(chromium);
  });
  afterAll(async () => {
    await browser?.close();
  });

  /** A device of somebody that is no browser, with a login of its own. */
  async function otherDevice({ username }: Login, id: string, name: string, platform = ""): Promise<Client> {
    const { token } = await new Api(server.url).login(username);
    const client = new Client({ url: server.url, token, device: id, since: 0, about: { name, platform } });
    await client.connect();
    return client;
  }

  /** Resolves when so many devices of somebody are connected, beside the login that asks. */
  async function online({ account }: Login, count: number): Promise<void> {
    const connected = async (): Promise<number> =>
      (
        await new Api(server.url).get<{ devices: { online: boolean }[] }>("GET /v1/devices", account.token)
      ).devices.filter((device) => device.online).length;
    await expect.poll(connected).toBe(count);
  }

  test("one browser signs the other out, which ends at the sign-in page, says why, and keeps nothing", async () => {
    const ann = await register(server.url, "Ann");
    const bob = await register(server.url, "Bob");
    const home = await Window.of(browser, server.url, ann);
    const away = await Window.of(browser, server.url, ann, { userAgent: IPHONE });
    const tab = await Window.tab(away.context, server.url);
    await tab.page.getByRole("heading", { name: "Chats", level: 1 }).waitFor();
    await away.find(bob.username, "Bob");
    await away.write("a secret");
    await away.ticked("a secret", "Sent").waitFor();

    await online(ann, 3);
    await openSettings(home);
    const [own, other, ...rest] = await places(home.page);
    expect(own).toMatch(/^(Chrome|Browser).* \| This browser \| Online$/);
    expect(other).toBe("Safari, iPhone | Online · 2 tabs");
    expect(rest).toEqual([]);
    // Giving up changes nothing.
    const button = home.page.getByRole("button", { name: "Sign out Safari, iPhone, Online", exact: true });
    await button.click();
    await home.page
      .getByRole("dialog", { name: "Sign out Safari, iPhone?" })
      .getByRole("button", { name: "Cancel" })
      .click();
    expect(await places(home.page)).toHaveLength(2);
    await button.click();
    await confirm(home);
    await home.page.getByText("Safari, iPhone has been signed out.").waitFor();
    await home.page.getByText("You are not signed in anywhere else.").waitFor();
    expect(await places(home.page)).toHaveLength(1);
    await expect.poll(() => home.page.evaluate(() => document.activeElement?.textContent)).toBe("Devices");

    for (const window of [away, tab]) {
      await window.page.getByRole("alert").getByText(ENDED).waitFor();
      expect(await kept(window)).toEqual([["mpim:web:settings"], [], "/", "MPIM"]);
    }
    expect(await wrong(away)).toEqual([]);
    // Who asked goes on; who was signed out may sign in again.
    await home.page.getByRole("link", { name: "Chats" }).click();
    await home.openChat("Bob");
    await home.write("still here");
    await home.ticked("still here", "Sent").waitFor();
    await away.page.reload();
    await away.page.getByRole("heading", { name: "Welcome back" }).waitFor();
    expect(await away.page.getByRole("alert").count()).toBe(0);
    await away.signIn(ann.username);
    await away.openChat("Bob");
    await away.message("still here").waitFor();
    expect([...home.faults, ...away.faults, ...tab.faults]).toEqual([]);
    await Promise.all([home.context.close(), away.context.close()]);
  });

  test("signs out everywhere else at once; a browser that was closed finds out when it opens", async () => {
    const ann = await register(server.url, "Ann");
    const bob = await register(server.url, "Bob");
    const home = await Window.of(browser, server.url, ann);
    const away = await Window.of(browser, server.url, ann);
    await away.find(bob.username, "Bob");
    await away.write("a secret");
    await away.ticked("a secret", "Sent").waitFor();
    await away.page.goto("about:blank");
    const terminal = await otherDevice(ann, "terminal", "terminal on desk", "linux");
    // A browser that was closed is one where one is signed in all the same.
    await online(ann, 2);
    await openSettings(home);
    await home.page.getByRole("button", { name: "Sign out everywhere else" }).click();
    await home.page.getByText("2 other devices will be signed out. Only this browser stays signed in.").waitFor();
    await confirm(home);
    await home.page.getByText("Only this browser is signed in now.").waitFor();
    expect((await terminal.until(() => terminal.closed, "the end")).code).toBe(4401);
    await away.page.goto(`${server.url}/settings`);
    await away.page.getByRole("alert").getByText(ENDED).waitFor();
    expect(await kept(away)).toEqual([["mpim:web:settings"], [], "/", "MPIM"]);
    await expect.poll(() => places(home.page)).toHaveLength(1);
    expect([...home.faults, ...away.faults]).toEqual([]);
    await Promise.all([home.context.close(), away.context.close()]);
  });

  test.for([
    ["light", "on a desktop", {}],
    ["dark", "on a phone", { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true }],
  ] as const)(
    "the list, %s, %s: no barrier that axe knows, by the keyboard, with targets for fingers",
    async ([colorScheme, , options]) => {
      const ann = await register(server.url, "Ann");
      const others = [
        await otherDevice(ann, "phone", "x".repeat(128), "android"),
        await otherDevice(ann, "desk", "Terminal", "linux"),
      ];
      const { page, context, faults } = await Window.of(browser, server.url, ann, { colorScheme, ...options });
      await openSettings({ page } as Window);
      await expect.poll(() => places(page)).toHaveLength(3);
      await page.getByRole("button", { name: "Sign out everywhere else" }).scrollIntoViewIfNeeded();
      expect(await wrong({ page } as Window)).toEqual([]);
      const small = await page.evaluate(() => {
        const buttons = [...document.querySelectorAll(".places button, .places ~ button")];
        const boxes = buttons.map((button) => button.getBoundingClientRect());
        return [
          buttons.length,
          document.documentElement.scrollWidth - innerWidth,
          ...boxes.filter(({ width, height }) => width < 44 || height < 44),
        ];
      });
      expect(small).toEqual([3, 0]);
      await page.getByRole("button", { name: /^Sign out Terminal, Online/ }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("dialog", { name: "Sign out Terminal?" }).waitFor();
      expect(await wrong({ page } as Window)).toEqual([]);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await expect
        .poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-label")))
        .toMatch(/^Sign out Terminal/);
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").waitFor();
      await page.keyboard.press("Tab");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await page.getByText("Terminal has been signed out.").waitFor();
      await expect.poll(() => places(page)).toHaveLength(2);
      await Promise.all(others.map(async (other) => other.close()));
      expect(faults).toEqual([]);
      await context.close();
    },
  );
});
