import { describe, expect, test } from "vitest";
import { Config, parseConfig } from "../../src/config/config.ts";

describe("configuration", () => {
  test.each([undefined, "", "{}", '{"limits":{}}'])("%j is all defaults", (json) => {
    expect(parseConfig(json)).toEqual(Config.parse({}));
  });

  test("what is given stands beside the defaults of the rest", () => {
    const { limits, timeouts } = parseConfig('{"limits":{"rate":1e6,"burst":1e6}}');
    expect(limits).toMatchObject({ rate: 1e6, burst: 1e6, window: 512 });
    expect(timeouts).toMatchObject({
      hello_ms: 10_000,
      heartbeat_ms: 30_000,
      typing_ms: 6000,
      presence_grace_ms: 10_000,
    });
  });

  test.each([
    ["{", "CONFIG is not JSON"],
    ["[]", "config: "],
    ['{"limit":{}}', 'Unrecognized key: "limit"'],
    ['{"limits":{"rates":1}}', 'limits: Unrecognized key: "rates"'],
    ['{"limits":{"rate":0}}', "limits.rate: "],
    ['{"limits":{"window":1.5}}', "limits.window: "],
    ['{"timeouts":{"hello_ms":-1}}', "timeouts.hello_ms: "],
    ['{"timeouts":{"heartbeat_ms":"30s"}}', "timeouts.heartbeat_ms: "],
    ['{"limits":{"rate":0},"messages":{"dedup_ms":1}}', "messages.dedup_ms: "],
    ['{"auth":{"external":{"issuer":"x"}}}', "auth.external.audience: "],
  ])("%s is an error that names what is wrong", (json, message) => {
    expect(() => parseConfig(json)).toThrow(message);
  });
});
