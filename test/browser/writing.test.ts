/** What one writes: drafts with their mentions and replies, refusals that come later, and where one begins to read. */
import { WebSocket } from "ws";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { connect, memory } from "../../client/src/mpim.ts";
import { Api } from "../support/api.ts";
import { openBrowser, register, Window } from "./stage.ts";

const chromium = inject("chromium");
const server = inject("server");

describe.runIf(chromium !== "")("writing", () => {
  let browser: Browser;
  const api = new Api(server.url);
  beforeAll(async () => {
    browser = await openBrowser(chromium);
  });
  afterAll(async () => {
    await browser?.close();
  });

  test("a draft is in the list, and keeps whom it mentions and what it answers, over a reload, too", async () => {
    const [ann, bob, cat] = await Promise.all(["Ann", "Bob Ray", "Cat"].map((name) => register(server.url, name)));
    if (ann === undefined || bob === undefined || cat === undefined) throw new Error("nobody is there");
    const [bobUid, catUid] = [bob.account.user.id, cat.account.user.id];
    const made = await api.get<{ group: { id: string } }>("POST /v1/groups", ann.account.token, {
      name: "Crew",
      members: [bobUid, catUid],
    });
    const b = await connect({ url: server.url, token: bob.account.token, store: memory(), WebSocket });
    const room = await b.conversation(made.group.id);
    await room.send("who comes?").sent();
    await (await b.direct(ann.account.user.id)).send("hi").sent();
    const a = await Window.of(browser, server.url, ann);
    await a.openChat("Crew");
    await a.menu("who comes?", "Reply");
    await a.box.pressSequentially("I do, @bob r");
    await a.page.getByRole("option", { name: "Bob Ray" }).waitFor();
    await a.box.press("Enter");
    await a.box.pressSequentially("and @Cat");
    await a.openChat("Bob Ray");
    await a.page.getByRole("link", { name: /Crew.*Draft: I do, @Bob Ray and @Cat/ }).waitFor();
    await a.page.reload();
    await a.page.getByRole("link", { name: /Crew.*Draft: I do/ }).waitFor();
    await a.openChat("Crew");
    await a.page.getByText("Reply to Bob Ray").waitFor();
    // Cat's name was typed by hand: it is known once the members are, and what is offered is not taken.
    await a.box.press("End");
    await a.box.press("Backspace");
    await a.box.pressSequentially("t");
    await a.page.getByRole("option", { name: "Cat" }).waitFor();
    await a.box.press("Escape");
    await a.box.press("Enter");
    await a.ticked("I do, @Bob Ray and @Cat", "Sent").or(a.ticked("I do, @Bob Ray and @Cat", "Delivered")).waitFor();
    await expect.poll(() => room.messages.at(-1)?.text).toBe("I do, @Bob Ray and @Cat");
    const sent = room.messages.at(-1);
    expect([sent?.mentions.toSorted(), sent?.replyTo]).toEqual([
      [bobUid, catUid].toSorted(),
      room.messages.find(({ text }) => text === "who comes?")?.seq,
    ]);
    expect(a.faults).toEqual([]);
    await b.close();
    await a.context.close();
  });

  test("what is edited is no draft, what one answers is in one, and a tab that only looks brings none back", async () => {
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    const b = await connect({ url: server.url, token: bob.account.token, store: memory(), WebSocket });
    const room = await b.direct(ann.account.user.id);
    const question = await room.send("the question").sent();
    for (let n = 1; n <= 250; n += 1) room.send(`more ${n}`);
    await room.send("theirs").sent();
    const a = await Window.of(browser, server.url, ann);
    await a.openChat("Bob");
    await a.write("mine");
    await a.ticked("mine", "Delivered").or(a.ticked("mine", "Read")).waitFor();
    await a.box.fill("hello");
    await a.menu("mine", "Edit");
    await expect.poll(() => a.box.inputValue()).toBe("mine");
    await a.menu("theirs", "Reply");
    await expect.poll(() => a.box.inputValue()).toBe("hello");

    const other = new Window(a.context, await a.context.newPage());
    await a.page.reload();
    await a.page.getByText("Reply to Bob").waitFor();
    await other.page.goto(server.url);
    await other.page.getByRole("link", { name: /Bob.*Draft: hello/ }).waitFor();
    await a.box.press("Enter");
    await expect.poll(() => room.messages.at(-1)?.text).toBe("hello");
    await a.page.reload();
    await other.openChat("Bob");
    await other.box.waitFor();
    await other.page.close();
    await a.page.reload();
    await a.box.waitFor();
    expect(await a.box.inputValue()).toBe("");

    // What it answers is not among the messages that are here after a reload.
    await a.page.evaluate((seq) => {
      const key = Object.keys(localStorage).find((name) => name.endsWith(":people")) ?? "";
      const draft = [location.pathname.slice("/c/".length), { text: "late answer", reply: seq }];
      localStorage.setItem(key.replace(/people$/, "drafts"), JSON.stringify([draft]));
    }, question.seq);
    await a.page.goto(`${server.url}/icon.svg`);
    await a.page.goBack();
    await a.page.getByText("Reply to Bob").waitFor();
    await a.page.locator(".composer-context").getByText("the question").waitFor();
    await a.box.press("Enter");
    await expect.poll(() => room.messages.at(-1)).toMatchObject({ text: "late answer", replyTo: question.seq });
    expect([...a.faults, ...other.faults]).toEqual([]);
    await b.close();
    await a.context.close();
  });

  test("an edit that is refused in its turn says so, and comes back to the field; a reaction says so, too", async () => {
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    const uid = bob.account.user.id;
    const made = await api.get<{ group: { id: string } }>("POST /v1/groups", ann.account.token, {
      name: "Crew",
      members: [uid],
    });
    const b = await Window.of(browser, server.url, bob);
    await b.openChat("Crew");
    await b.write("as it was");
    await b.ticked("as it was", "Sent").or(b.ticked("as it was", "Delivered")).waitFor();
    const muted = { muted_until: Date.now() + 3_600_000 };
    await api.get(`PATCH /v1/groups/${made.group.id}/members/${uid}`, ann.account.token, muted);
    await b.page.locator(".note").getByText("Ann muted you").waitFor();
    await b.box.press("ArrowUp");
    await b.box.fill("as it should be");
    await b.box.press("Enter");
    const toast = b.page.getByRole("status").getByText("You are muted in this group.");
    await toast.waitFor();
    await b.page.getByText("Edit message").waitFor();
    expect(await b.box.inputValue()).toBe("as it should be");
    await b.message("as it was").waitFor();
    await toast.waitFor({ state: "hidden" });
    await b.message("as it was").hover();
    await b
      .message("as it was")
      .getByRole("button", { name: /^React/ })
      .click();
    await b.page.getByRole("menuitem", { name: "React with 👍" }).click();
    await toast.waitFor();
    expect(b.faults).toEqual([]);
    await b.context.close();
  });

  test("who has been away for long is led to what is new", async () => {
    const [ann, bob] = [await register(server.url, "Ann"), await register(server.url, "Bob")];
    const b = await connect({ url: server.url, token: bob.account.token, store: memory(), WebSocket });
    const room = await b.direct(ann.account.user.id);
    await room.send("long ago").sent();
    const a = await Window.of(browser, server.url, ann);
    await a.openChat("Bob");
    await expect.poll(() => room.messages.at(-1)?.state).toBe("read");
    await a.page.goto(`${server.url}/icon.svg`);
    // More than is fetched by itself.
    for (let n = 1; n <= 1_100; n += 1) room.send(`new ${n}`);
    await room.send({ text: "about 500", replyTo: 501 }).sent();
    await a.page.goto(server.url);
    await a.page.getByRole("link", { name: /Bob.*1101 unread messages/ }).waitFor();
    await a.openChat("Bob");
    const unread = a.page.getByRole("button", { name: "1101 unread messages" });
    await unread.waitFor();
    // Also from where one has jumped to, which is neither here nor there.
    await a.message("about 500").locator(".quote").click();
    await a.message("new 500").waitFor();
    await unread.click();
    await a.message("new 1").waitFor();
    expect(await a.texts()).toEqual(expect.arrayContaining(["long ago", "new 1"]));
    await a.page.locator(".unread-line").waitFor();
    expect(await unread.count()).toBe(0);
    await a.page.getByRole("button", { name: "Newest messages" }).click();
    await a.message("about 500").waitFor();
    expect(a.faults).toEqual([]);
    await b.close();
    await a.context.close();
  });
});
