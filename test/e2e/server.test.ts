/** The local server as a person meets it: a process with options, output, an exit code and a data folder. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runServer, startServer } from "../support/server.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mpim-e2e-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function health(url: string): Promise<number> {
  const response = await fetch(`${url}/healthz`);
  await response.body?.cancel();
  return response.status;
}

function call(url: string, body: unknown): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

describe("starting and stopping", () => {
  test("prints one ready line, serves, and ends with code 0 on SIGTERM", async () => {
    await using server = await startServer();
    expect(await health(server.url)).toBe(200);
    expect(await server.stop()).toBe(0);
    expect(server.output()).toBe(`ready ${server.url}\n`);
    await expect(fetch(server.url)).rejects.toThrow("fetch failed");
  });

  test("after kill -9 the port is free, and accounts, tokens and secrets are as they were", async () => {
    const data = join(folder, "killed");
    const first = await startServer({ data });
    const account = { username: "alice", password: "correct horse battery" };
    const registered = await call(`${first.url}/v1/auth/register`, account);
    expect(registered.status).toBe(201);
    await first.kill9();
    const file = join(data, "secrets.json");
    const secrets = readFileSync(file, "utf8");
    await using second = await startServer({ data, port: first.port });
    const { token } = await registered.json<{ token: string }>();
    const me = await fetch(`${second.url}/v1/me`, { headers: { authorization: `Bearer ${token}` } });
    expect(await me.json()).toMatchObject({ username: "alice" });
    expect((await call(`${second.url}/v1/auth/login`, account)).status).toBe(200);
    expect(readFileSync(file, "utf8")).toBe(secrets);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { TOKEN_KEY, ADMIN_KEY } = JSON.parse(secrets) as Record<string, string>;
    // 32 bytes in base64url.
    for (const key of [TOKEN_KEY, ADMIN_KEY]) expect(key).toMatch(/^[\w-]{43}$/);
    expect(TOKEN_KEY).not.toBe(ADMIN_KEY);
  });

  test("npm start passes SIGTERM on, and ends with code 0 itself", async () => {
    const npm = spawn("npm", ["start", "--", "--port", "0", "--data", join(folder, "npm")], {
      cwd: join(import.meta.dirname, "../.."),
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    await new Promise<void>((resolve) => {
      npm.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (/^ready /m.test(output)) resolve();
      });
    });
    const closed = once(npm, "close");
    npm.kill("SIGTERM");
    expect(await closed).toEqual([0, null]);
  });

  test("ends when the npm that runs it is killed", async () => {
    // A shell in npm's place: it dies without passing anything on.
    const script = join(import.meta.dirname, "../../scripts/server.ts");
    const data = join(folder, "orphaned");
    const shell = spawn("/bin/sh", ["-c", `"$0" "$1" --port 0 --data "$2"; true`, process.execPath, script, data], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, npm_lifecycle_event: "start" },
    });
    await once(shell.stdout, "data");
    // The server holds the other end of this pipe.
    const closed = once(shell.stdout, "close");
    shell.kill("SIGKILL");
    await closed;
    await using again = await startServer({ data });
    expect(await health(again.url)).toBe(200);
  });
});

describe("refusing to start", () => {
  test("an unknown option", async () => {
    const { code, output } = await runServer(["--prot", "1"]);
    expect({ code, output }).toEqual({ code: 1, output: "error: Unknown option '--prot'\n" });
  });

  test.for(["x", "65536", "-1", "1.5"])("a port that is none: %s", async (port) => {
    const { code, output } = await runServer([`--port=${port}`]);
    expect(code).toBe(1);
    expect(output).toContain("--port takes a number");
  });

  test("--help explains the options", async () => {
    const { code, output } = await runServer(["--help"]);
    expect(code).toBe(0);
    for (const option of ["--port", "--data", "--host", "--config", "--mysql", "--redis"])
      expect(output).toContain(option);
  });

  test.for([
    ["an unknown key", '{"limits":{"rat":1}}', 'Unrecognized key: "rat"'],
    ["a value out of range", '{"timeouts":{"heartbeat_ms":1}}', "timeouts.heartbeat_ms"],
    ["no JSON", "{", "not JSON"],
  ] as const)("--config with %s", async ([name, text, message]) => {
    const file = join(folder, "bad.json");
    writeFileSync(file, text);
    const { code, output } = await runServer(["--config", file, "--data", join(folder, name)]);
    expect(code).toBe(1);
    expect(output).toMatch(/^error: --config .*\n$/);
    expect(output).toContain(message);
    expect(existsSync(join(folder, name))).toBe(false);
  });

  test("--config without a file", async () => {
    const { code, output } = await runServer(["--config", join(folder, "absent.json")]);
    expect(code).toBe(1);
    expect(output).toContain("absent.json");
  });

  test("a port in use, and a data folder in use", async () => {
    await using server = await startServer();
    // Each waits a while for whoever has it to end.
    const [port, data] = await Promise.all([
      runServer(["--port", String(server.port), "--data", join(folder, "other")]),
      runServer(["--port", "0", "--data", server.data]),
    ]);
    expect(port.code).toBe(1);
    expect(port.output).toBe(`error: port ${server.port} of 127.0.0.1 is in use; choose another with --port\n`);
    expect(data.code).toBe(1);
    expect(data.output).toContain(`is in use by another server (process ${server.pid})`);
    expect(await health(server.url)).toBe(200);
  });
});

describe("secrets", () => {
  test("what the environment gives is used and not stored", async () => {
    await using server = await startServer({ env: { TOKEN_KEY: "g".repeat(43), ADMIN_KEY: "h".repeat(43) } });
    expect(existsSync(join(server.data, "secrets.json"))).toBe(false);
  });

  test("a key that is too short is named", async () => {
    const { code, output } = await runServer(["--port", "0", "--data", join(folder, "short")], {
      TOKEN_KEY: "c2hvcnQ",
    });
    expect(code).toBe(1);
    expect(output).toContain("TOKEN_KEY is too short");
  });

  test("a damaged file is reported, not replaced", async () => {
    const data = join(folder, "damaged");
    mkdirSync(data);
    writeFileSync(join(data, "secrets.json"), "{");
    const { code, output } = await runServer(["--port", "0", "--data", data]);
    expect(code).toBe(1);
    expect(output).toContain("secrets.json is not a JSON object");
    expect(readFileSync(join(data, "secrets.json"), "utf8")).toBe("{");
  });
});
