import { randomBytes } from "node:crypto";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const migrations = await readD1Migrations("migrations/d1");

/** Files that run inside the Workers runtime, each in a runtime of its own with empty storage and a migrated database. */
const inWorkerd = {
  plugins: [
    cloudflareTest({
      wrangler: { configPath: "./wrangler.toml" },
      miniflare: {
        bindings: {
          TOKEN_KEY: randomBytes(32).toString("base64url"),
          // Passwords at the least cost that the schema takes.
          CONFIG: JSON.stringify({ auth: { scrypt_log_n: 10 } }),
          TEST_MIGRATIONS: migrations,
        },
      },
    }),
  ],
  setupFiles: ["test/support/migrate.ts"],
};

const shared = (name: string) => ({ name, include: [`test/${name}/**/*.test.ts`], retry: 0 });
/** Everything but servers runs at once, on all cores: most of the time goes into starting runtimes. */
const first = { sequence: { groupOrder: 1 }, maxWorkers: "100%" };

export default defineConfig({
  test: {
    coverage: {
      provider: "istanbul",
      include: ["src/**/*.ts"],
      reporter: ["text-summary", "html", "json-summary"],
      thresholds: { lines: 85 },
    },
    projects: [
      // A property takes a second, and some more on a machine that is busy.
      { test: { ...shared("unit"), ...first, testTimeout: 30_000 } },
      { test: { ...shared("simulation"), ...first, testTimeout: 120_000 } },
      ...["workers", "store"].map((name) => ({
        plugins: inWorkerd.plugins,
        test: { ...shared(name), ...first, setupFiles: inWorkerd.setupFiles },
      })),
      {
        test: {
          ...shared("e2e"),
          // Each file starts servers: one file at a time, and after everything else.
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
