/** The web client as the server hands it out: files, their headers, and what is no file. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type Server } from "../support/server.ts";

let server: Server;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.[Symbol.asyncDispose]());

async function ask(
  path: string,
  init?: RequestInit,
): Promise<{ status: number; type: string; headers: Headers; text: string }> {
  const response = await fetch(`${server.url}${path}`, init);
  return {
    status: response.status,
    type: response.headers.get("content-type") ?? "",
    headers: response.headers,
    text: await response.text(),
  };
}

test.for([
  ["/", "text/html; charset=utf-8"],
  ["/app.js", "text/javascript; charset=utf-8"],
  ["/style.css", "text/css; charset=utf-8"],
  ["/offline.js", "text/javascript; charset=utf-8"],
  ["/client.js", "text/javascript; charset=utf-8"],
  ["/icon.svg", "image/svg+xml"],
] as const)(
  "%s is there, with headers that keep browsers from guessing, framing and running what is not ours",
  async ([path, type]) => {
    const page = await ask(path);
    expect(page).toMatchObject({ status: 200, type });
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    const policy = page.headers.get("content-security-policy") ?? "";
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
    ]) {
      expect(policy.split("; ")).toContain(rule);
    }
    expect(policy).not.toContain("unsafe");
  },
);

test("the page has no script and no style of its own in it", async () => {
  const { text } = await ask("/");
  expect(text).not.toMatch(/<style|<script(?![^>]*\bsrc=)|\son\w+=|\bstyle=/i);
});

test("an address inside the web client gives its page; whatever else is not there does not", async () => {
  const page = await ask("/");
  for (const path of ["/c/g.01jd0000000000000000000000", "/contacts", "/settings"]) {
    expect(await ask(path)).toMatchObject({ status: 200, text: page.text });
  }
  for (const path of ["/v1", "/v1/", "/v1/nothing", "/nope", "/nope.js", "/_headers", "/_redirects", "/c/x/y"]) {
    expect(await ask(path)).toMatchObject({ status: 404, type: "application/json" });
  }
  expect(await ask("/healthz")).toMatchObject({ status: 200, type: "application/json" });
  expect(await ask("/c/x", { method: "POST" })).toMatchObject({ status: 404, type: "application/json" });
});

test("what a browser has already is not sent again", async () => {
  const { headers } = await ask("/app.js");
  const again = await ask("/app.js", { headers: { "if-none-match": headers.get("etag") ?? "" } });
  expect(again).toMatchObject({ status: 304, text: "" });
});

test("pages of others may load the SDK, and nothing else", async () => {
  expect((await ask("/client.js")).headers.get("access-control-allow-origin")).toBe("*");
  expect((await ask("/client.js")).headers.get("cross-origin-resource-policy")).toBe("cross-origin");
  expect((await ask("/app.js")).headers.get("access-control-allow-origin")).toBeNull();
});
