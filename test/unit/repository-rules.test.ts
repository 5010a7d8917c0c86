/** The repository's own rules, each seen red once. */
import { describe, expect, test } from "vitest";
import { noMarkup, noRetries, noSqlInShells, reasonsForSilence } from "../../scripts/check/code.ts";
import { commandsExist } from "../../scripts/check/documents.ts";
import { rulesAndTests } from "../../scripts/check/protocol.ts";
import type { Rule } from "../../scripts/check/repository.ts";
import { noMachinePaths, noRegistries } from "../../scripts/check/text.ts";

/** What a rule finds in files given as path → text, as `path:line message`. */
function findings(rule: Rule, files: Record<string, string>): string[] {
  const sources = Object.entries(files).map(([path, text]) => ({ path, text }));
  return rule(sources).map(({ path, line, message }) => `${path}:${line} ${message}`);
}

describe("code", () => {
  test("SQL in a shell, and none in a store", () => {
    const text = 'const a = 1;\nsql.exec("SELECT * FROM log");\nconsole.log("create something");';
    expect(findings(noSqlInShells, { "src/x/a-object.ts": text, "src/x/a-store.ts": text })).toEqual([
      "src/x/a-object.ts:2 SQL in an object's shell: it belongs to the store beside it",
      "src/x/a-object.ts:3 SQL in an object's shell: it belongs to the store beside it",
    ]);
  });

  test("retries in tests", () => {
    const three = ["retry", "3"].join(": ");
    const files = { "test/unit/a.test.ts": `test('a', { ${three} }, f);\nx = { retry: 0 };`, "src/a.ts": three };
    expect(findings(noRetries, files)).toEqual(["test/unit/a.test.ts:1 tests are not tried again: retry is 0"]);
  });

  test("a silenced lint rule without a reason", () => {
    const text = "// oxlint-disable-next-line no-x\n// oxlint-disable-next-line no-x -- the other end needs it";
    expect(findings(reasonsForSilence, { "src/a.ts": text })).toHaveLength(1);
    expect(findings(reasonsForSilence, { "web/src/a.tsx": text })).toHaveLength(1);
  });

  test("markup made of what people write", () => {
    const text = "<p dangerouslySetInnerHTML={{ __html: text }} />";
    expect(findings(noMarkup, { "web/src/ui/a.tsx": text, "docs/a.md": text })).toHaveLength(1);
  });
});

describe("text", () => {
  test.for(["see @work/x", '"@root/.cache"', "cd @home/somebody", "`@Users/a/b`"])("machine path: %s", (text) => {
    expect(findings(noMachinePaths, { "docs/a.md": text.replace("@", "/") })).toHaveLength(1);
  });

  test.for(["https://example.org/home/page", "src/work/x", "../root/a", "a/home/b"])("no machine path: %s", (text) => {
    expect(findings(noMachinePaths, { "docs/a.md": text })).toEqual([]);
  });

  test("registry hosts, and download addresses in the lock file", () => {
    const host = ["https://registry", "example", "org/x"].join(".");
    const lock = '{\n  "resolved": "https://a.example/x.tgz"\n}';
    expect(findings(noRegistries, { ".npmrc": host, "package-lock.json": lock, "a.md": '"resolved": 1' })).toEqual([
      ".npmrc:1 the host of a package registry",
      "package-lock.json:2 a download address: .npmrc keeps them out",
    ]);
  });
});

describe("protocol", () => {
  const protocol = "- **AAA1** one\n- **AAA2** (later) two\n| **BBB1** | three |";

  test("every rule has a test, unless it comes later", () => {
    const files = { "PROTOCOL.md": protocol, "test/a.test.ts": 'test("[BBB1] x", f);' };
    expect(findings(rulesAndTests, files)).toEqual(["PROTOCOL.md:1 AAA1: no test has [AAA1] in its title"]);
  });

  test("a title cites several rules; a mention that is no title does not count", () => {
    const files = { "PROTOCOL.md": protocol, "test/a.test.ts": 'test("[AAA1] [BBB1] x", f);\n// [AAA2]' };
    expect(findings(rulesAndTests, files)).toEqual([]);
    const mention = { "PROTOCOL.md": protocol, "test/a.test.ts": 'test("[AAA1] x", f); // see [BBB1]' };
    expect(findings(rulesAndTests, mention)).toHaveLength(1);
  });

  test("whatever titles and comments cite exists", () => {
    const files = {
      "PROTOCOL.md": protocol,
      "test/a.test.ts": 'test("[AAA1] [BBB1] x", f);\ntest("[AAA9] x", f);',
      "src/a.ts": "// keeps BBB7; UTF8 and AAA1 are fine",
    };
    expect(findings(rulesAndTests, files)).toEqual([
      "test/a.test.ts:2 AAA9 is no rule of PROTOCOL.md",
      "src/a.ts:1 BBB7 is no rule of PROTOCOL.md",
    ]);
  });
});

describe("documents", () => {
  const manifest = '{"scripts":{"start":"exec node scripts/a.ts","demo":"node scripts/gone.ts"}}';

  test("commands in sh blocks exist, and so do the files they run", () => {
    const readme =
      "npm run elsewhere\n```sh\nnpm install && npm start -- --port 1\nnpm run nope\nnpm ci\nnpm test\n```\n";
    const files = { "package.json": manifest, "README.md": readme, "scripts/a.ts": "" };
    expect(findings(commandsExist, files)).toEqual([
      'README.md:4 there is no npm script "nope"',
      'README.md:6 there is no npm script "test"',
      'package.json:0 script "demo" runs scripts/gone.ts, which does not exist',
    ]);
  });
});
