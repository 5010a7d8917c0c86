/** Deleting one's account in the web client, and what others see of it. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Api } from "../support/api.ts";
import { openBrowser, PASSWORD, register, Window } from "./stage.ts";

const chromium = inject("chromium");
const server = inject("server");

describe.runIf(chromium !== "")("deleting one's account", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser(chromium);
  });
  afterAll(async () => {
    await browser?.close();
  });

  test("wants the username typed, leaves nothing in the browser, and to others a chat that is read only", async () => {
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    const [a, b] = [await Window.of(browser, server.url, ann), await Window.of(browser, server.url, bob)];
    await a.find(bob.username, "Bob");
    await a.write("Remember me");
    await b.openChat("Ann");
    await b.shows(["Remember me"]);

    await a.page.getByRole("link", { name: "Settings" }).click();
    await a.page.getByRole("button", { name: "Delete account" }).click();
    const dialog = a.page.getByRole("dialog");
    const yes = dialog.getByRole("button", { name: "Delete account" });
    const typed = dialog.getByLabel(`Type “${ann.username}” to confirm`);
    await typed.fill(bob.username);
    expect(await yes.isDisabled()).toBe(true);
    await typed.fill(ann.username.toUpperCase());
    await yes.click();
    await a.page
      .getByRole("heading", { name: "Sign in", level: 1 })
      .or(a.page.getByLabel("Password"))
      .first()
      .waitFor();
    const kept = async (): Promise<unknown> =>
      a.page.evaluate(async () => ({
        databases: (await indexedDB.databases()).map(({ name }) => name),
        texts: Object.entries(localStorage).filter(([key]) => !key.includes("settings")),
      }));
    await expect.poll(kept).toEqual({ databases: [], texts: [] });
    expect(new URL(a.page.url()).pathname).toBe("/");
    await a.page.getByLabel("Username").fill(ann.username);
    await a.page.getByLabel("Password").fill(PASSWORD);
    await a.page.getByRole("button", { name: "Sign in" }).click();
    await a.page.getByText("Username or password is wrong").waitFor();

    await b.write("Are you there?");
    await b.message("Are you there?").locator(".message-failed").waitFor();
    // A profile may be some seconds old.
    const api = new Api(server.url);
    const card = async (): Promise<unknown> =>
      (await api.call<unknown>(`GET /v1/users/${ann.account.user.id}`, bob.account.token)).json;
    await expect.poll(card).toMatchObject({ deleted: true });
    await b.page.reload();
    await b.page.getByRole("heading", { name: "Deleted account", level: 2 }).waitFor();
    await b.page.getByText("This account has been deleted.").waitFor();
    expect(await b.box.count()).toBe(0);
    await b.message("Remember me").waitFor();
    await b.page.locator(".chat-item-title").getByText("Deleted account").waitFor();
    expect([a.faults, b.faults]).toEqual([[], []]);
    await a.context.close();
    await b.context.close();
  });
});
