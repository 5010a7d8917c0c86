import { randomBytes } from "node:crypto";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const migrations = await readD1Migrations("migrations/d1");

const wrangler = { configPath: "./wrangler.toml" };
const bindings = {
  TOKEN_KEY: randomBytes(32).toString("base64url"),
  ADMIN_KEY: randomBytes(32).toString("base64url"),
  // Passwords at the least cost that the schema takes; groups of 40 are large.
  CONFIG: JSON.stringify({
    auth: { scrypt_log_n: 10 },
    groups: { pull_members: 40 },
    history: { wait_ms: 50, tail: 256 },
  }),
  TEST_MIGRATIONS: migrations,
};

const shared = (name: string) => ({ name, include: [`test/${name}/**/*.test.ts`], retry: 0 });
/** Everything but servers runs at once, on all cores: most of the time goes into starting runtimes. */
const first = { sequence: { groupOrder: 1 }, maxWorkers: "100%" };
/** Each file starts servers, and some a browser; much of the time they wait, so two go at a time, after everything else. */
const second = { sequence: { groupOrder: 2 }, maxWorkers: 2, testTimeout: 240_000, hookTimeout: 240_000 };

export default defineConfig({
  test: {
    coverage: {
      provider: "istanbul",
      include: ["src/**/*.ts", "client/src/**/*.ts"],
      reporter: ["text-summary", "html", "json-summary"],
      thresholds: { lines: 85 },
    },
    projects: [
      // A property takes a second, and some more on a machine that is busy.
      { test: { ...shared("unit"), ...first, testTimeout: 30_000 } },
      { test: { ...shared("simulation"), ...first, testTimeout: 120_000 } },
      // Inside the Workers runtime, each file in a runtime of its own with empty storage and a migrated D1 database.
      {
        plugins: [cloudflareTest({ wrangler, miniflare: { bindings } })],
        test: {
          ...shared("workers"),
          ...first,
          testTimeout: 30_000,
          hookTimeout: 30_000,
          setupFiles: ["test/support/migrate.ts"],
        },
      },
      {
        plugins: [
          cloudflareTest(({ inject }) => ({
            wrangler,
            miniflare: {
              bindings: {
                ...bindings,
                TEST_MYSQL: inject("mysqlGateway"),
                TEST_REDIS: inject("redisGateway"),
                TEST_PROXIES: inject("proxies"),
              },
            },
          })),
        ],
        test: {
          ...shared("store"),
          ...first,
          testTimeout: 30_000,
          hookTimeout: 30_000,
          globalSetup: ["test/support/mysql-setup.ts", "test/support/redis-setup.ts"],
          setupFiles: ["test/support/migrate.ts"],
        },
      },
      {
        test: {
          ...shared("e2e"),
          globalSetup: ["test/support/mysql-setup.ts", "test/support/redis-setup.ts"],
          ...second,
        },
      },
      // The client against servers of its own.
      {
        test: {
          ...shared("client"),
          ...second,
        },
      },
      {
        test: {
          ...shared("browser"),
          globalSetup: "test/browser/setup.ts",
          ...second,
          // Pages take their time on a machine that is busy, and nothing here is shown by how long it takes.
          testTimeout: 300_000,
          expect: { poll: { timeout: 60_000, interval: 100 } },
        },
      },
    ],
  },
});
