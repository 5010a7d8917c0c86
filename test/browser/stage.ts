/** People with browsers on a running server. */
import { randomBytes } from "node:crypto";
import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Locator,
  type Page,
} from "playwright-core";
import { Api, PASSWORD, type Account } from "../support/api.ts";

export { PASSWORD };

/** What tests do in a second, people do in a day. */
export const CONFIG = { limits: { rate: 5000, burst: 20_000 }, auth: { scrypt_log_n: 10 }, history: { wait_ms: 50 } };

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function openBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: FLAGS });
}

/** A wait for what must come gives up after so long, ms: on a machine that is busy it may take its time. */
const PATIENCE_MS = 60_000;
/** Pages run so many times slower: a test that waits for causes passes all the same. */
const SLOWER = Number(process.env["BROWSER_SLOWER"] ?? 1);

/** Whoever is registered by this process has it in the username: other files have the same server. */
const own = randomBytes(4).toString("hex");
let people = 0;

export interface Login {
  readonly account: Account;
  readonly username: string;
}

/** An account, without a browser. */
export async function register(url: string, name: string): Promise<Login> {
  people += 1;
  const username = `${name.toLowerCase().replaceAll(/[^a-z]/g, "")}-${own}-${people}e`;
  return { username, account: await new Api(url).register(username, name) };
}

export interface Options extends BrowserContextOptions {
  /** Where the page is served, if not by the server itself. */
  readonly via?: string;
}

/** One window of somebody's browser, with all that went wrong in it. */
export class Window {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of scripts, and what the browser refused for the sake of the page's policy. */
  readonly faults: string[] = [];

  constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", (error) => this.faults.push(String(error.stack ?? error)));
    page.on("console", (message) => {
      const text = message.text();
      if (message.type() === "error" && /Content.Security.Policy|Refused to/i.test(text)) this.faults.push(text);
    });
  }

  /** A browser of its own, that nobody has signed in to. */
  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Window> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", ...options });
    // Scripts here are rewritten before they run there, and would lose an import of their own.
    await context.addInitScript({ content: 'globalThis.loadSdk = () => import("/client.js")' });
    return Window.tab(context, url);
  }

  /** One more page of a browser. */
  static async tab(context: BrowserContext, url: string): Promise<Window> {
    const window = new Window(context, await context.newPage());
    if (SLOWER > 1) {
      const devtools = await context.newCDPSession(window.page);
      await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
    }
    await window.page.goto(url);
    return window;
  }

  /** A browser in which somebody has signed in. */
  static async of(
    browser: Browser,
    url: string,
    { username }: Pick<Login, "username">,
    options?: BrowserContextOptions,
  ): Promise<Window> {
    const window = await Window.open(browser, url, options);
    await window.signIn(username);
    return window;
  }

  async signIn(username: string): Promise<void> {
    await this.page.getByLabel("Username").fill(username);
    await this.page.getByLabel("Password").fill(PASSWORD);
    await this.page.getByRole("button", { name: "Sign in" }).click();
    await this.page.getByRole("heading", { name: "Chats", level: 1 }).waitFor();
  }

  async signUp(username: string, name: string): Promise<void> {
    await this.page.getByRole("button", { name: "New here? Create an account" }).click();
    await this.page.getByLabel("Username").fill(username);
    await this.page.getByLabel("Your name").fill(name);
    await this.page.getByLabel("Password").fill(PASSWORD);
    await this.page.getByRole("button", { name: "Create account" }).click();
    await this.page.getByRole("heading", { name: "Chats", level: 1 }).waitFor();
  }

  /** Finds somebody by the beginning of the username and opens the chat. */
  async find(username: string, name: string): Promise<void> {
    await this.page.getByRole("button", { name: "New chat" }).first().click();
    await this.page.getByLabel("Find people").fill(username);
    await this.page.getByRole("dialog").getByRole("button", { name }).click();
    await this.box.waitFor();
  }

  /** Opens a chat of the list. */
  async openChat(title: string | RegExp): Promise<void> {
    const named = this.page.locator(".chat-item-title").getByText(title, { exact: true });
    await this.page.locator(".chat-item").filter({ has: named }).click();
    await this.page.getByRole("heading", { name: title, level: 2 }).waitFor();
  }

  /** Where one writes. */
  get box(): Locator {
    return this.page.getByRole("textbox", { name: "Message", exact: true });
  }

  async write(...texts: readonly string[]): Promise<void> {
    for (const text of texts) {
      await this.box.fill(text);
      await this.box.press("Enter");
    }
  }

  /** A message on the screen. */
  message(text: string | RegExp): Locator {
    return this.page.locator(".message").filter({ has: this.page.getByText(text, { exact: true }) });
  }

  /** Messages on the screen that have come so far: "Sent", "Delivered", "Read", "Waiting to be sent". */
  ticked(text: string, state: string): Locator {
    return this.message(text).getByRole("img", { name: state });
  }

  /** The texts that are on the screen, in their order there. */
  async texts(): Promise<string[]> {
    return this.page.evaluate(() =>
      [...document.querySelectorAll(".row")]
        .map((row) => ({
          at: Number((row as HTMLElement).dataset["row"]),
          text: row.querySelector("[dir=auto]")?.textContent,
        }))
        .toSorted((a, b) => a.at - b.at)
        .flatMap(({ text }) => text ?? []),
    );
  }

  /** Resolves when exactly these texts are on the screen, in this order. */
  async shows(texts: readonly string[]): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const now = await this.texts();
      if (JSON.stringify(now) === JSON.stringify(texts)) return;
      if (Date.now() > deadline) throw new Error(`shown are ${JSON.stringify(now)}, not ${JSON.stringify(texts)}`);
      await this.page.waitForTimeout(50);
    }
  }

  async menu(text: string, choice: string): Promise<void> {
    const message = this.message(text);
    await message.hover();
    await message.getByRole("button", { name: /^React/ }).click();
    await this.page.getByRole("menuitem", { name: choice }).click();
  }
}
