import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openProxy, type RemoteProxy } from "../../support/proxy-control.ts";
import { serveProxies } from "../../support/proxy.ts";

/** An echo. */
const server = createServer((socket) => socket.on("error", () => {}).pipe(socket));
let control: Awaited<ReturnType<typeof serveProxies>>;
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  control = await serveProxies();
});
afterAll(async () => {
  await control[Symbol.asyncDispose]();
  server.close();
});

const open = (): Promise<RemoteProxy> =>
  openProxy(control.url, { host: "127.0.0.1", port: (server.address() as AddressInfo).port });

async function dial({ host, port }: RemoteProxy): Promise<Socket> {
  const socket = connect({ host, port });
  await once(socket, "connect");
  return socket;
}

async function echo(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [bytes] = (await once(socket, "data")) as [Buffer];
  return bytes.toString("latin1");
}

describe("the fault-injecting proxy", () => {
  test("passes what comes, until told otherwise, and again after", async () => {
    await using proxy = await open();
    const socket = await dial(proxy);
    expect(await echo(socket, "hello")).toBe("hello");
    await proxy.set({ kind: "garbage" });
    const garbled = await echo(socket, "hello");
    expect(garbled).toHaveLength(5);
    expect(garbled).not.toBe("hello");
    await proxy.set({ kind: "pass" });
    expect(await echo(socket, "hello")).toBe("hello");
    expect(await proxy.open()).toBe(1);
  });

  test("refusing, it breaks what is open and lets nobody in; then it serves at the same port", async () => {
    await using proxy = await open();
    const socket = await dial(proxy);
    expect(await echo(socket, "x")).toBe("x");
    const broken = once(socket, "close");
    await proxy.set({ kind: "refuse" });
    await broken;
    await expect(dial(proxy)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await proxy.set({ kind: "pass" });
    expect(await echo(await dial(proxy), "x")).toBe("x");
  });

  test("what is stalled comes in its order when the mode changes", async () => {
    await using proxy = await open();
    const socket = await dial(proxy);
    await proxy.set({ kind: "stall", ms: 2 ** 31 - 1 });
    let seen = "";
    socket.on("data", (bytes: Buffer) => (seen += bytes.toString()));
    socket.write("first ");
    await proxy.set({ kind: "pass" });
    socket.write("second");
    while (seen.length < 12) await once(socket, "data");
    expect(seen).toBe("first second");
  });

  test("a stall ends by itself", async () => {
    await using proxy = await open();
    const socket = await dial(proxy);
    await proxy.set({ kind: "stall", ms: 5 });
    expect(await echo(socket, "late")).toBe("late");
  });

  test("a connection is cut after so many bytes", async () => {
    await using proxy = await open();
    const socket = await dial(proxy);
    expect(await echo(socket, "whole")).toBe("whole");
    await proxy.set({ kind: "cut", bytes: 3 });
    const closed = once(socket, "close");
    let seen = "";
    socket.on("data", (bytes: Buffer) => (seen += bytes.toString()));
    socket.write("abcdef");
    await closed;
    expect(seen).toBe("abc");
  });

  test("a request to a proxy that is not there is an error that says so", async () => {
    const proxy = await open();
    await proxy[Symbol.asyncDispose]();
    await expect(proxy.set({ kind: "pass" })).rejects.toThrow("no proxy at");
  });
});
