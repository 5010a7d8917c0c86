import { beforeAll, describe, expect, test } from "vitest";
import { account, call, codeOf, type Account, type Answer } from "../support/http.ts";

interface Found {
  readonly users: { readonly id: string; readonly username: string }[];
  readonly next?: string;
}

let mine: Account;
beforeAll(async () => {
  mine = await account("me.myself", { name: "Me" });
});
const get = (path: string): Promise<Answer> => call(`GET ${path}`, { token: mine.token });
const patch = (json: unknown): Promise<Answer> => call("PATCH /v1/me", { token: mine.token, json });
const usernames = (answer: Answer): string[] => (answer.json as unknown as Found).users.map(({ username }) => username);

describe("/v1/me", () => {
  test("changes name and avatar, each alone", async () => {
    expect((await patch({ name: " Myself 🦘" })).json).toMatchObject({ name: "Myself 🦘", avatar: null });
    expect((await patch({ avatar: "https://img.example/a.png" })).json).toMatchObject({ name: "Myself 🦘" });
    expect((await get("/v1/me")).json).toEqual({
      id: mine.user.id,
      username: "me.myself",
      name: "Myself 🦘",
      avatar: "https://img.example/a.png",
    });
    expect((await patch({ avatar: null, name: "Me" })).json).toMatchObject({ name: "Me", avatar: null });
  });

  test("other fields, the username too, are not taken", async () => {
    expect((await patch({ name: "Me", username: "other", id: "u_other", password: "x" })).json).toMatchObject(
      mine.user,
    );
  });

  test.each([
    {},
    { name: "" },
    { name: null },
    { name: 7 },
    { name: "x".repeat(65) },
    { avatar: "" },
    { avatar: "x".repeat(2049) },
    { avatar: "javascript:alert(1)" },
    { avatar: " JavaScript:alert(1)" },
    { avatar: "data:text/html,x" },
    { username: "other" },
  ])("refuses %j", async (change) => {
    expect(codeOf(await patch(change))).toBe("400 invalid_argument");
  });
});

describe("/v1/users/:uid", () => {
  test("shows the card, and nothing that is not on it", async () => {
    const other = await account("cardholder");
    const answer = await get(`/v1/users/${other.user.id}`);
    expect(answer.json).toEqual({ id: other.user.id, username: "cardholder", name: "cardholder", avatar: null });
  });

  test("refuses unknown users and ids that are none", async () => {
    expect(codeOf(await get("/v1/users/u_nobody"))).toBe("404 not_found");
    for (const id of ["a.b", "%27%20OR%201=1", "x".repeat(65), "%ff", "%F0%9F%A6%98"]) {
      expect(codeOf(await get(`/v1/users/${id}`)), id).toBe("400 invalid_argument");
    }
  });
});

describe("/v1/users", () => {
  beforeAll(async () => {
    for (const [username, name] of [
      ["ann.alpha", "Zed"],
      ["ann.beta", "Zed"],
      ["gamma", "Ann Gamma"],
      ["wild", "100% wild_card"],
      ["tame", "100 tame"],
      ["quoted", "O'Hara \"\\"],
    ] as const) {
      await account(username, { name });
    }
  });

  test("finds an exact username in any case, or nobody", async () => {
    expect(usernames(await get("/v1/users?username=ANN.alpha"))).toEqual(["ann.alpha"]);
    for (const text of ["ann", "ann.%25", "ann._____", "x'%20OR%201=1"]) {
      expect(usernames(await get(`/v1/users?username=${text}`)), text).toEqual([]);
    }
  });

  test("finds by the beginning of username or name, page by page", async () => {
    const found: string[] = [];
    let path = "/v1/users?q=Ann&limit=1";
    for (let pages = 0; pages < 5; pages += 1) {
      const answer = await get(path);
      found.push(...usernames(answer));
      const { next } = answer.json as unknown as Found;
      if (next === undefined) break;
      path = `/v1/users?q=Ann&limit=1&cursor=${next}`;
    }
    expect(found).toEqual(["ann.alpha", "ann.beta", "gamma"]);
    expect(usernames(await get("/v1/users?q=ann"))).toEqual(found);
  });

  test.each([
    ["100%", ["wild"]],
    ["100", ["tame", "wild"]],
    ["%", []],
    ["_", []],
    ["O'H", ["quoted"]],
    ["o'hara \"\\", ["quoted"]],
    ["' OR 1=1 --", []],
    ["🦘", []],
  ])("the signs of %j stand for themselves", async (q, expected) => {
    expect(usernames(await get(`/v1/users?q=${encodeURIComponent(q)}`))).toEqual(expected);
  });

  test.each([
    "",
    "?q=",
    "?q=a&username=b",
    "?q=a&q=b",
    `?q=${"x".repeat(129)}`,
    "?q=a&limit=0",
    "?q=a&limit=-1",
    "?q=a&limit=101",
    "?q=a&limit=many",
    "?q=a&limit=1.5",
    "?q=a&cursor=",
    "?q=a&cursor=made-up",
    `?q=a&cursor=${Buffer.from('{"by":"password"}').toString("base64url")}`,
    `?q=a&cursor=${Buffer.from('{"by":"name","name":{},"id":1}').toString("base64url")}`,
  ])("refuses %s", async (query) => {
    expect(codeOf(await get(`/v1/users${query}`))).toBe("400 invalid_argument");
  });
});
