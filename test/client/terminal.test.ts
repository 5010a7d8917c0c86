/** The client for terminals, as a process that is typed at. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type Server } from "../support/server.ts";
import { Waiting } from "../support/waiting.ts";
import { config, PASSWORD } from "./people.ts";

const SCRIPT = resolve(import.meta.dirname, "../../client/terminal/chat.ts");

/** Somebody at a terminal. */
class Typist implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Waiting();
  #seen = "";
  #read = 0;

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [SCRIPT, ...args]);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#seen += text;
        this.#waiting.wake();
      });
    }
  }

  type(...lines: string[]): void {
    this.#child.stdin.write(lines.map((line) => `${line}\n`).join(""));
  }

  /** Waits for a line after those that were seen before; gives what it captured. */
  async sees(line: RegExp): Promise<string[]> {
    const find = (): RegExpExecArray | null => new RegExp(line, "m").exec(this.#seen.slice(this.#read));
    const found = await this.#waiting.until(
      () => find() ?? false,
      () => `no ${line} in:\n${this.#seen.slice(this.#read)}\nafter:\n${this.#seen.slice(0, this.#read)}\n`,
    );
    this.#read += found.index + found[0].length;
    return found.slice(1);
  }

  /** Everything that was printed. */
  get seen(): string {
    return this.#seen;
  }

  async end(how: "input" | "kill" = "input"): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode;
    const exited = once(this.#child, "exit");
    if (how === "kill") this.#child.kill("SIGKILL");
    else this.#child.stdin.end();
    await exited;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("kill");
  }
}

let server: Server;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "mpim-terminal-"));
  server = await startServer({ config });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function terminal(name: string): Typist {
  return new Typist(["--server", server.url, "--data", join(folder, name)]);
}

async function registered(name: string): Promise<Typist> {
  const typist = terminal(name);
  typist.type(`/register ${name}`, PASSWORD);
  await typist.sees(new RegExp(`^-- you are ${name}$`));
  return typist;
}

test("two people meet, chat, mend and find what they wrote", async () => {
  await using alice = await registered("alice");
  await using bob = await registered("bob");
  alice.type("/find bo", "/chat bob", "Lunch at noon?");
  await alice.sees(/^bob \(bob\)$/);
  await alice.sees(/^-- bob$/);
  // The number is what `/edit` wants.
  await alice.sees(/^\[1\] ✓$/);
  await bob.sees(/^\[1\] alice: Lunch at noon\?$/);
  bob.type("/list", "/chat alice", "/reply 1 Noon is fien");
  await bob.sees(/^alice \(1 unread\) {2}\[1\] alice: Lunch at noon\?$/);
  await bob.sees(/^-- alice, 1 unread$/);
  await alice.sees(/^\[2\] bob: \(to 1\) Noon is fien$/);
  bob.type("/edit 2 Noon is fine", "/react 1 🍜", "/recall 99", "See you");
  await bob.sees(/^! .*\(not_found\)$/);
  // What was written before it is there when it is.
  await alice.sees(/^\[\d+\] bob: See you$/);
  alice.type("/history");
  await alice.sees(/^\[1\] me: Lunch at noon\? {2}🍜 1 ✓✓ read$/);
  await alice.sees(/^\[2\] bob: \(to 1\) Noon is fine \(edited\)$/);
  alice.type("/chat nobody", "/nonsense", "/help");
  await alice.sees(/^! no such user \(not_found\)$/);
  await alice.sees(/^! there is no \/nonsense/);
  await alice.sees(/^ {2}\/quit /);
  expect([await alice.end(), await bob.end()]).toEqual([0, 0]);
});

test("[CON1] a friend is asked with a message, listed and removed", async () => {
  await using heidi = await registered("heidi");
  await using ivan = await registered("ivan");
  heidi.type("/add ivan It is Heidi", "/contacts");
  await heidi.sees(/^asked ivan$/);
  await heidi.sees(/^ivan \(ivan\) – asked: It is Heidi$/);
  await ivan.sees(/\* heidi asks to be your contact: It is Heidi {2}\(\/accept heidi or \/reject heidi\)$/);
  ivan.type("/accept heidi", "/contacts");
  await ivan.sees(/^heidi is a contact now$/);
  await ivan.sees(/^heidi \(heidi\)$/);
  await heidi.sees(/\* ivan is your contact now$/);
  heidi.type("/remove ivan", "/contacts");
  await heidi.sees(/^ivan is no contact any more$/);
  await heidi.sees(/^none yet/);
  expect([await heidi.end(), await ivan.end()]).toEqual([0, 0]);
});

test("a group is made, talked in, left and joined", async () => {
  await using carol = await registered("carol");
  await using dave = await registered("dave");
  carol.type("/create Crew dave");
  const [cid = ""] = await carol.sees(/^#Crew is (g\.\S+)$/);
  await dave.sees(/^#Crew \[2\] \* carol added me$/);
  dave.type("/chat #Crew", "ahoy", "/members", "/groups");
  await carol.sees(/^\[3\] dave: ahoy$/);
  await dave.sees(/^(?:me \(member\)\ncarol \(owner\)|carol \(owner\)\nme \(member\))$/);
  await dave.sees(/^#Crew {2}2 members, member {2}g\./);
  dave.type("/leave");
  await dave.sees(/^you are no longer in #Crew$/);
  await carol.sees(/^\[4\] \* dave left$/);
  carol.type("/openup", "/rename The crew");
  await carol.sees(/^\[\d+\] \* me changed the group: everybody may join$/);
  await carol.sees(/renamed the group to The crew$/);
  dave.type(`/join ${cid}`, "back");
  await carol.sees(/^\[\d+\] dave: back$/);
  carol.type("/kick dave", "/dismiss");
  await dave.sees(/^\[\d+\] \* carol removed me$/);
  await carol.sees(/^you are no longer in #The crew$/);
  expect([await carol.end(), await dave.end()]).toEqual([0, 0]);
});

test("what comes while a terminal is away is there when it is back, and what it wrote is sent", async () => {
  const erin = await registered("erin");
  const frank = await registered("frank");
  frank.type("/chat erin", "I leave now");
  await erin.sees(/^\[1\] frank: I leave now$/);
  expect(await frank.end()).toBe(0);
  erin.type("/chat frank", "one", "two", "\u001b[31mred");
  // Ending waits for what is not sent yet, if the server is there.
  erin.type("/quit");
  await erin.sees(/^-- frank, 1 unread$/);
  expect(await erin.end()).toBe(0);
  await using back = terminal("frank");
  await back.sees(/^-- you are frank$/);
  await back.sees(/^-- erin: 3 unread$/);
  back.type("/chat erin", "here again");
  await back.sees(/^-- erin, 3 unread\n\[1\] me: .*\n\[2\] erin: one\n\[3\] erin: two\n\[4\] erin: \ufffd\[31mred$/);
  await using again = terminal("erin");
  await again.sees(/^-- you are erin$/);
  again.type("/chat frank");
  await again.sees(/^\[5\] frank: here again$/);
  back.type("/logout", "/list");
  await back.sees(/^logged out$/);
  await back.sees(/^! log in first/);
  expect(await back.end()).toBe(0);
});

test("options that cannot be are refused, and a wrong password", async () => {
  const bad = new Typist(["--sever", "x"]);
  await bad.sees(/^Unknown option '--sever'$/);
  expect(await bad.end()).toBe(1);
  await using grace = terminal("grace");
  grace.type("/login nobody", "wrong password");
  await grace.sees(/^! username or password is wrong \(unauthenticated\)$/);
  expect(await grace.end()).toBe(0);
});

test("a terminal sees where one is logged in, and signs others out, which keep nothing", async () => {
  await using home = await registered("judy");
  const elsewhere = async (name: string): Promise<Typist> => {
    const typist = terminal(name);
    typist.type("/login judy", PASSWORD);
    await typist.sees(/^-- you are judy$/);
    return typist;
  };
  await using work = await elsewhere("judy-at-work");
  home.type("/devices");
  // The one that connected last comes first.
  await home.sees(/^1\. terminal on .* \(\w+\) – online\n2\. terminal on .* – online, this one$/);
  home.type("/signout 9", "/signout 2", "/signout 1", "/devices");
  await home.sees(/^! give a number of the list/);
  await home.sees(/^! this is your own login/);
  await home.sees(/^signed out terminal on/);
  await home.sees(/^1\. terminal on .* – online, this one$/);
  await work.sees(/^-- signed out: the login was ended elsewhere/);
  work.type("/list");
  await work.sees(/^! log in first/);
  const kept = readdirSync(join(folder, "judy-at-work"), { recursive: true, withFileTypes: true });
  expect(kept.filter((one) => one.isFile())).toEqual([]);
  await using cafe = await elsewhere("judy-at-the-cafe");
  home.type("/signout others");
  await home.sees(/^signed out everywhere else$/);
  await cafe.sees(/^-- signed out: the login was ended elsewhere/);
  expect([await work.end(), await cafe.end(), await home.end()]).toEqual([0, 0, 0]);
});

test("a server that is not there is said to be away, once", async () => {
  const gone = await startServer({ config });
  const args = ["--server", gone.url, "--data", join(folder, "kim")];
  await using kim = new Typist(args);
  kim.type("/register kim", PASSWORD);
  await kim.sees(/^-- you are kim$/);
  expect(await kim.end()).toBe(0);
  await gone[Symbol.asyncDispose]();
  // In its place: what ends every attempt, and counts them.
  const attempts = new Waiting();
  let count = 0;
  await using nobody = createServer((socket) => {
    count += 1;
    attempts.wake();
    socket.destroy();
  });
  await once(nobody.listen(gone.port, "127.0.0.1"), "listening");
  await using back = new Typist(args);
  await back.sees(/^-- you are kim\n-- no connection: what you write is sent later$/);
  const before = count;
  // The first after that has failed by the time of the second.
  await attempts.until(
    () => count >= before + 2,
    () => "no second attempt",
  );
  back.type("/nonsense");
  await back.sees(/^! there is no \/nonsense/);
  expect(back.seen.match(/no connection/g)).toHaveLength(1);
});
