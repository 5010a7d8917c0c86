/** `connect` when something it needs does not come: it says what, and in time. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { connect, localTokens, memory, type Store, type WebSocketClass } from "../../client/src/mpim.ts";
import { file } from "../../client/src/node.ts";
import { Faulty, until, Wire } from "./wired.ts";

const never = async (): Promise<never> => new Promise(() => {});

/** A store that opens when it is told to; says when it is closed. */
function slow(): { store: Store; open: () => void; closed: Promise<void> } {
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const store = { ...memory(), open: async () => opened.promise, close: async () => closed.resolve() };
  return { store, open: () => opened.resolve(), closed: closed.promise };
}

test("a store that does not open is a failure of the store in time, and is closed again when it opens later", async () => {
  const on = new Wire();
  const { store, open, closed } = slow();
  await expect(on.chat("a", { store, timeout: 20 })).rejects.toMatchObject({
    code: "store_failed",
    message: "the store does not open",
  });
  open();
  await closed;
});

test("a store that opens and cannot be read is closed again", async () => {
  const { store, open, closed } = slow();
  open();
  const broken = { ...store, read: async () => Promise.reject(new Error("torn")) };
  await expect(new Wire().chat("a", { store: broken })).rejects.toMatchObject({
    code: "store_failed",
    cause: { message: "torn" },
  });
  await closed;
});

test("a store that hangs when it is written keeps no failure from being told", async () => {
  const on = new Wire();
  on.up = false;
  const store = { ...memory(), write: never };
  await expect(on.chat("a", { store, timeout: 20 })).rejects.toMatchObject({ code: "offline" });
});

test("a timeout that is longer than timers can be is a long one", async () => {
  for (const timeout of [2 ** 31, Infinity]) {
    const { store, open } = slow();
    const connecting = new Wire().chat("a", { store, timeout });
    setTimeout(open, 10);
    const chat = await connecting;
    expect(chat.user).toBe("a");
    await chat.close();
  }
});

test("a folder that cannot be made is refused, also where Node would try for ever", async () => {
  const store = file("/proc/mpim/store");
  await expect(store.open()).rejects.toMatchObject({ code: "store_failed", cause: { syscall: "mkdir" } });
});

test("a function that gives no token is said to be why, whether it hangs or throws", async () => {
  const on = new Wire();
  await expect(on.chat("a", { token: never, timeout: 20 })).rejects.toMatchObject({
    code: "unavailable",
    message: "the function for the token does not answer",
  });
  const cause = new TypeError("no such field");
  const token = async (): Promise<string> => Promise.reject(cause);
  const failed = { code: "unavailable", message: "there is no token: no such field", cause };
  await expect(on.chat("a", { token, timeout: 20 })).rejects.toMatchObject(failed);
  // With a store that knows the user it is the reason for being offline.
  const store = memory();
  await (await on.chat("a", { store })).close();
  const chat = await on.chat("a", { store, token });
  await until(chat, () => chat.connection.state === "offline");
  expect(chat.connection.error).toMatchObject(failed);
  await chat.close();
});

test("a web server that is none of ours, or none at all, is told with what the socket says of it", async () => {
  const server = createServer((_, response) => response.writeHead(404).end());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { url, token: "x", WebSocket: WebSocket as unknown as WebSocketClass, timeout: 1_000 };
  await expect(connect(options)).rejects.toMatchObject({
    code: "offline",
    message: "no connection can be made: Unexpected server response: 404",
    cause: { message: "Unexpected server response: 404" },
  });
  server.close();
  await once(server, "close");
  await expect(connect(options)).rejects.toMatchObject({ code: "offline", cause: { code: "ECONNREFUSED" } });
});

test("whatever a store fails at is told as a failure of the store, with the cause, and whether it takes what is written", async () => {
  const on = new Wire();
  on.server.chat("d.a.b", ["a", "b"]);
  const store = new Faulty();
  const chat = await on.chat("a", { store });
  const failures: unknown[] = [];
  chat.on("storeError", (error) => failures.push(error));
  await chat.kept();
  expect(chat.keeps).toBe(true);
  store.failing = true;
  const sent = (await chat.direct("b")).send("lost by a crash");
  const failure = { name: "MpimError", code: "store_failed", cause: { message: "disk full" } };
  await expect(sent.kept).rejects.toMatchObject(failure);
  expect(failures[0]).toMatchObject(failure);
  expect(chat.keeps).toBe(false);
  store.failing = false;
  await chat.kept();
  expect(chat.keeps).toBe(true);
  store.close = async () => Promise.reject(new Error("stuck"));
  await chat.close();
  expect(failures.at(-1)).toMatchObject({ code: "store_failed", cause: { message: "stuck" } });
});

test("where a browser keeps nothing, or there is none, tokens are a failure of the store", async () => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
  onTestFinished(() => {
    Reflect.deleteProperty(globalThis, "localStorage");
    if (before !== undefined) Object.defineProperty(globalThis, "localStorage", before);
  });
  const blocked = new DOMException("cookies are blocked", "SecurityError");
  const denied = (): never => {
    throw blocked;
  };
  for (const get of [denied, () => ({ getItem: denied, setItem: denied, removeItem: denied })]) {
    Object.defineProperty(globalThis, "localStorage", { configurable: true, get });
    const keep = localTokens("page");
    const refused = { name: "MpimError", code: "store_failed", cause: blocked };
    await expect(keep.load()).rejects.toMatchObject(refused);
    await expect(keep.save(undefined)).rejects.toMatchObject(refused);
  }
  Reflect.deleteProperty(globalThis, "localStorage");
  await expect(localTokens("page").load()).rejects.toMatchObject({ code: "store_failed" });
});
