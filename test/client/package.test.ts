/** The package as it is built: who installs it gets JavaScript that runs, and types that say the truth. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer } from "../support/server.ts";
import { config, Person } from "./people.ts";

const ROOT = resolve(import.meta.dirname, "../..");
let folder: string;

beforeAll(() => {
  const built = spawnSync(process.execPath, [join(ROOT, "scripts/build-client.ts")], { encoding: "utf8" });
  expect(`${built.stdout}${built.stderr}`).toMatch(/^client\/dist: mpim\.js .*\n$/);
  folder = mkdtempSync(join(tmpdir(), "mpim-package-"));
  mkdirSync(join(folder, "node_modules/@mpim"), { recursive: true });
  symlinkSync(join(ROOT, "client"), join(folder, "node_modules/@mpim/client"));
  symlinkSync(join(ROOT, "node_modules/ws"), join(folder, "node_modules/ws"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("its types hold, without those of the server or of Node", () => {
  writeFileSync(
    join(folder, "use.ts"),
    `import { connect, login, MpimError, type Message, type Store, type SystemEvent } from "@mpim/client";
import { file } from "@mpim/client/node";
const session = await login({ url: "http://x", username: "a", password: "b" });
const store: Store = file("x");
const chat = await connect({ url: "http://x", token: session.token, store });
const room = await chat.direct("bob");
room.on("message", (message: Message) => message.text.trim());
const seq: number = (await room.send({ text: "hi" }).sent()).seq;
// What is left out may be there and undefined.
const maybe = undefined as string | undefined;
const number = undefined as number | undefined;
await connect({ url: "http://x", token: "x", device: { id: maybe, name: maybe, platform: maybe } });
await chat.users.change({ name: maybe, avatar: maybe });
await chat.createGroup({ name: "x", members: undefined as string[] | undefined, description: maybe });
await room.change({ name: maybe, join: undefined, muted: undefined });
await chat.groups.changeMember(room.cid, "bob", { role: undefined, muted_until: number });
await room.page({ before: number, after: number, limit: number });
const happened = room.messages[0]?.body as SystemEvent;
if (happened.event === "member_muted") new Date(happened.until).toISOString();
if (happened.event === "changed") happened.announcement?.trim();
// @ts-expect-error a text is a string
room.send({ text: seq });
// @ts-expect-error there is no such event
room.on("massage", () => {});
export const late = (error: unknown): boolean => error instanceof MpimError && error.code === "timeout";
`,
  );
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        module: "nodenext",
        lib: ["es2022", "dom"],
        types: [],
      },
      include: ["use.ts"],
    }),
  );
  const { stdout, status } = spawnSync(join(ROOT, "node_modules/.bin/tsc"), ["-p", folder], { encoding: "utf8" });
  expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
});

test("its reference can be made, and leaves nothing out that is public", () => {
  const made = spawnSync("npm", ["run", "docs:client"], { cwd: ROOT, encoding: "utf8" });
  expect(`${made.stdout}${made.stderr}`).not.toMatch(/warning|error/i);
  expect(made.status).toBe(0);
});

test("it travels with its licence, and without the reference that was made of it", () => {
  const packed = spawnSync("npm", ["pack", "--dry-run", "--json"], { cwd: join(ROOT, "client"), encoding: "utf8" });
  const [{ files }] = JSON.parse(packed.stdout) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path).filter((path) => !path.startsWith("dist/types/"));
  const built = ["mpim.js", "mpim.node.js", "node.js"].flatMap((name) => [`dist/${name}`, `dist/${name}.map`]);
  expect(paths.toSorted()).toEqual(["LICENSE", "README.md", ...built, "package.json"].toSorted());
  const licence = (of: string): string => readFileSync(join(ROOT, of, "LICENSE"), "utf8");
  expect(licence("client")).toBe(licence("."));
});

test("the page of the README has under 20 lines, and uses what there is", async () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const page = /```html\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  expect(page.trim().split("\n").length).toBeLessThan(20);
  const names = /import \{([^}]+)\}/.exec(page)?.[1]?.split(",") ?? [];
  const { default: _, ...built } = (await import(join(ROOT, "client/dist/mpim.js"))) as Record<string, unknown>;
  expect(Object.keys(built)).toEqual(expect.arrayContaining(names.map((name) => name.trim())));
});

test("it runs where there is no WebSocket, with the one that is given", async () => {
  await using server = await startServer({ config });
  await using alice = await Person.register(server.url, "alice");
  await using bob = await Person.register(server.url, "bob");
  writeFileSync(
    join(folder, "run.js"),
    `import { connect, memory } from "@mpim/client";
import { file } from "@mpim/client/node";
import { WebSocket } from "ws";
delete globalThis.WebSocket;
const [url, token, peer] = process.argv.slice(2);
console.log(await connect({ url, token: () => token, store: memory() }).catch(({ code }) => code));
const chat = await connect({ url, token: () => token, store: file("store"), WebSocket });
const room = await chat.direct(peer);
console.log((await room.send("from the package").sent()).seq);
await chat.close();
`,
  );
  const token = await alice.session.token({ refused: undefined });
  const run = spawnSync(process.execPath, ["run.js", server.url, token, bob.uid], { cwd: folder, encoding: "utf8" });
  expect(run).toMatchObject({ stdout: "invalid_argument\n1\n", stderr: "", status: 0 });
});

test("an error that nobody catches shows a line that can be read", () => {
  writeFileSync(
    join(folder, "uncaught.js"),
    `import { connect } from "@mpim/client"; await connect({ url: "127.0.0.1:8787", token: "x" });`,
  );
  const { stderr, status } = spawnSync(process.execPath, ["uncaught.js"], { cwd: folder, encoding: "utf8" });
  expect([status, stderr.includes("invalid_argument")]).toEqual([1, true]);
  expect(stderr.length).toBeLessThan(2_000);
});
