/** What is not in the view: messages that are quoted from far above, chats that nobody looks at, what admins say of a group. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { WebSocket } from "ws";
import { connect, memory, type Chat } from "../../client/src/mpim.ts";
import { Api } from "../support/api.ts";
import { openLine } from "./line.ts";
import { openBrowser, register, Window, type Login } from "./stage.ts";

const chromium = inject("chromium");
const server = inject("server");

declare global {
  /** Notifications that the page has shown, and not closed. */
  var told: Notification[];
  /** Somebody looks at the page; the browser of a test says so of every page. */
  var looking: boolean;
}

/** Somebody without a browser. */
async function line(url: string, { account }: Login): Promise<Chat> {
  return connect({ url, token: account.token, store: memory(), WebSocket });
}

/** Remembers the notifications of a window, and lets the test say whether anybody looks at it. */
async function watchNotices({ context, page }: Window, origin: string): Promise<void> {
  await context.grantPermissions(["notifications"], { origin });
  await context.addInitScript(() => {
    globalThis.told = [];
    globalThis.looking = true;
    document.hasFocus = () => globalThis.looking;
    globalThis.Notification = class extends Notification {
      constructor(title: string, options?: NotificationOptions) {
        super(title, options);
        // A newer one takes the place of that with its tag.
        globalThis.told = [...globalThis.told.filter(({ tag }) => tag !== this.tag), this];
      }
      override close(): void {
        super.close();
        globalThis.told = globalThis.told.filter((one) => one !== this);
      }
    };
  });
  await page.reload();
}

async function look({ page }: Window, at: boolean): Promise<void> {
  await page.evaluate((on) => {
    globalThis.looking = on;
    dispatchEvent(new Event(on ? "focus" : "blur"));
  }, at);
}

async function told({ page }: Window): Promise<string[]> {
  return page.evaluate(() => globalThis.told.map(({ title, body }) => `${title}: ${body}`));
}

describe.runIf(chromium !== "")("elsewhere", () => {
  let browser: Browser;
  const api = new Api(server.url);
  beforeAll(async () => {
    browser = await openBrowser(chromium);
  });
  afterAll(async () => {
    await browser?.close();
  });

  test("what is quoted is shown although it is not here, and is gone when it is recalled", async () => {
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    const b = await line(server.url, bob);
    const room = await b.direct(ann.account.user.id);
    const first = await room.send("the first of all").sent();
    for (let n = 1; n <= 300; n += 1) room.send(`between ${n}`);
    await room.send({ text: "about that", replyTo: first.seq }).sent();
    const a = await Window.of(browser, server.url, ann);
    await a.openChat("Bob");
    const quote = a.message("about that").locator(".quote");
    await quote.getByText("the first of all").waitFor();
    // It is not among the rows.
    expect(await a.message(/^between 1$/).count()).toBe(0);
    await room.recall(first.seq).sent();
    await quote.getByText("This message was recalled").waitFor();
    await quote.click();
    await a.message("between 1").waitFor();
    expect(a.faults).toEqual([]);
    await b.close();
    await a.context.close();
  });

  test("who looks elsewhere is told by the browser, until it is read", async () => {
    const [ann, bob, cat] = await Promise.all(["Ann", "Bob", "Cat"].map((name) => register(server.url, name)));
    const a = await Window.of(browser, server.url, ann as Login);
    await watchNotices(a, server.url);
    await a.page.getByRole("link", { name: "Settings" }).click();
    await a.page.getByLabel("Tell me about new messages").check();
    await a.page.getByRole("link", { name: "Chats" }).click();
    const [b, c] = await Promise.all([line(server.url, bob as Login), line(server.url, cat as Login)]);
    const { id } = (ann as Login).account.user;
    const [fromBob, fromCat] = await Promise.all([b.direct(id), c.direct(id)]);
    // Nobody is told what they see come.
    await fromBob.send("seen").sent();
    await a.page.getByRole("link", { name: /Bob.*seen/ }).waitFor();
    await look(a, false);
    await fromBob.send("one").sent();
    await fromBob.send("two").sent();
    await fromCat.send("<b>three</b>").sent();
    await expect.poll(() => told(a)).toEqual(["Bob: two", "Cat: <b>three</b>"]);
    // Another tab is looked at: this one is quiet.
    const other = new Window(a.context, await a.context.newPage());
    await other.page.goto(server.url);
    await other.page.getByRole("link", { name: /Bob.*two/ }).waitFor();
    await other.openChat("Bob");
    // What is read there is no news here.
    await expect.poll(() => told(a)).toEqual(["Cat: <b>three</b>"]);
    await fromCat.send("four").sent();
    await a.page.getByRole("link", { name: /Cat.*four/ }).waitFor();
    await look(other, false);
    await fromCat.send("five").sent();
    await expect.poll(() => told(a)).toEqual(["Cat: five"]);
    await expect.poll(() => told(other)).toEqual(["Cat: five"]);
    await other.page.close();
    // A click leads there.
    await a.page.evaluate(() => globalThis.told.at(-1)?.dispatchEvent(new Event("click")));
    await a.page.getByRole("heading", { name: "Cat", level: 2 }).waitFor();
    // Muted chats are quiet.
    await look(a, true);
    await a.page.getByRole("button", { name: "Details" }).click();
    await a.page.getByRole("dialog").getByRole("button", { name: "Mute" }).click();
    await a.page.getByRole("dialog").getByRole("button", { name: "Unmute" }).waitFor();
    await a.page.keyboard.press("Escape");
    await look(a, false);
    await fromCat.send("six").sent();
    await fromBob.send("seven").sent();
    await expect.poll(async () => (await told(a)).at(-1)).toBe("Bob: seven");
    expect(await told(a)).not.toContain("Cat: six");
    expect([...a.faults, ...other.faults]).toEqual([]);
    await Promise.all([b.close(), c.close()]);
    await a.context.close();
  });

  test("the page opens without a network, with the messages that are here, and sends what is written once there is one", async () => {
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    await using wire = await openLine(server.port);
    const b = await line(server.url, bob);
    const room = await b.direct(ann.account.user.id);
    await room.send("before").sent();
    const a = await Window.of(browser, wire.url, ann);
    await a.openChat("Bob");
    await a.message("before").waitFor();
    await a.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    wire.cut();
    // Also at an address inside.
    await a.page.reload();
    await a.page.getByText("No connection. Your messages will be sent when you are back online.").waitFor();
    await a.message("before").waitFor();
    await a.write("written offline");
    await a.ticked("written offline", "Waiting to be sent").waitFor();
    await a.page.goto(`${wire.url}/`);
    await a.openChat("Bob");
    await a.message("written offline").waitFor();
    // Nothing else comes from there.
    const kept = await a.page.evaluate(async () => {
      const [name = ""] = await caches.keys();
      return (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname).toSorted();
    });
    expect(kept).toEqual(["/", "/app.js", "/icon.svg", "/manifest.webmanifest", "/style.css"]);
    wire.mend();
    await a.ticked("written offline", "Delivered").or(a.ticked("written offline", "Sent")).waitFor();
    await expect.poll(() => room.messages.map(({ text }) => text)).toEqual(["before", "written offline"]);
    expect(a.faults).toEqual([]);
    await b.close();
    await a.context.close();
  });

  test("admins say what a group is about, who may write there, and who may not for a while", async () => {
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    await api.get("POST /v1/groups", ann.account.token, { name: "Crew", members: [bob.account.user.id] });
    const [a, b] = [await Window.of(browser, server.url, ann), await Window.of(browser, server.url, bob)];
    for (const one of [a, b]) await one.openChat("Crew");
    const dialog = a.page.getByRole("dialog");
    await a.page.getByRole("button", { name: "Details" }).click();
    await dialog.getByRole("button", { name: "Edit group" }).click();
    await dialog.getByLabel("Description").fill("Those who sail");
    await dialog.getByLabel("Announcement").fill("Monday at noon\n<i>sharp</i>");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("Those who sail").waitFor();
    await b.page.locator(".note").getByText("Ann changed the group’s settings").waitFor();
    await b.page.getByRole("button", { name: "Details" }).click();
    await b.page.getByRole("dialog").getByText("<i>sharp</i>").waitFor();
    expect(await b.page.getByRole("dialog").getByRole("button", { name: "Edit group" }).count()).toBe(0);
    await b.page.keyboard.press("Escape");

    await dialog.getByLabel("Only admins can write").check();
    await b.page.getByText("Only admins can write in this group.").waitFor();
    await dialog.getByLabel("Only admins can write").uncheck();
    await b.box.waitFor();

    await dialog.getByRole("button", { name: "Actions for Bob" }).click();
    await a.page.getByRole("menuitem", { name: "Mute for an hour" }).click();
    await dialog.getByText(/Muted until/).waitFor();
    await b.page.locator(".note").getByText("Ann muted you").waitFor();
    await b.write("may I?");
    await b.page.getByText("You are muted in this group.").waitFor();
    await dialog.getByRole("button", { name: "Actions for Bob" }).click();
    await a.page.getByRole("menuitem", { name: "Let write again" }).click();
    await b.page.locator(".note").getByText("Ann unmuted you").waitFor();
    await b.page.getByRole("button", { name: "Try again" }).click();
    await a.page.keyboard.press("Escape");
    await a.message("may I?").waitFor();
    expect([...a.faults, ...b.faults]).toEqual([]);
    await Promise.all([a.context.close(), b.context.close()]);
  });
});
