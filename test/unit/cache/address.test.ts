import { describe, expect, test } from "vitest";
import { redisName } from "../../../scripts/redis/address.ts";
import { redisAddresses } from "../../../src/cache/address.ts";

const REST = "https://eu1-sweet-fox-1.upstash.io";

describe("the secrets of Redis", () => {
  test("may be missing, serve both purposes, or be two", () => {
    expect(redisAddresses({})).toEqual({ ok: true, value: { cache: undefined, metadata: undefined } });
    const both = redisAddresses({ UPSTASH_REDIS_REST_URL: `${REST}/`, UPSTASH_REDIS_REST_TOKEN: "AX-_=" });
    expect(both.ok && both.value.cache).toEqual({ url: REST, token: "AX-_=" });
    expect(both.ok && both.value.metadata === both.value.cache).toBe(true);
    const local = { UPSTASH_METADATA_REST_URL: "http://127.0.0.1:8080", UPSTASH_METADATA_REST_TOKEN: "t" };
    const two = redisAddresses({ UPSTASH_REDIS_REST_URL: REST, UPSTASH_REDIS_REST_TOKEN: "a", ...local });
    expect(two.ok && two.value.metadata).toEqual({ url: "http://127.0.0.1:8080", token: "t" });
    expect(redisAddresses(local)).toMatchObject({ value: { cache: undefined, metadata: { token: "t" } } });
  });

  test.each([
    [REST, undefined, "are needed together"],
    [undefined, "hushhush", "are needed together"],
    ["hushhush", "t", "is no address"],
    ["rediss://default:hushhush@eu1.upstash.io:6379", "t", "begins with rediss:"],
    ["http://eu1.upstash.io", "hushhush", "must be an https address"],
    ["https://default:hushhush@eu1.upstash.io", "t", "has credentials in it"],
    [REST, "hush hush", "has characters that no token has"],
  ])("%j with %j: an error that says what is wrong, and quotes nothing", (url, token, message) => {
    const result = redisAddresses({
      ...(url !== undefined && { UPSTASH_METADATA_REST_URL: url }),
      ...(token !== undefined && { UPSTASH_METADATA_REST_TOKEN: token }),
    });
    expect(result.ok).toBe(false);
    const { error } = result as { error: string };
    expect(error).toContain("UPSTASH_METADATA_REST_");
    expect(error).toContain(message);
    expect(error).not.toMatch(/hush/);
  });
});

describe("--redis", () => {
  test.each([
    ["redis://127.0.0.1", "127.0.0.1:6379"],
    ["redis://127.0.0.1:7000/", "127.0.0.1:7000"],
    ["rediss://ann:hushhush@[::1]:7000/3", "[::1]:7000"],
  ])("%s is shown as %s", (url, name) => {
    expect(redisName(url)).toEqual({ ok: true, value: name });
  });

  test.each(["127.0.0.1:6379", "http://127.0.0.1:6379", "redis://", "redis:///0", "redis://h/x", "redis://h:99999"])(
    "%s is refused",
    (url) => {
      const name = redisName(url);
      expect(name.ok).toBe(false);
      expect((name as { error: string }).error).toMatch(/^--redis takes/);
    },
  );
});
