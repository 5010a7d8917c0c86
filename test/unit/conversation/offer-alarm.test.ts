import { describe, expect, test } from "vitest";
import { OfferAlarm } from "../../../src/durable-objects/conversation/offer-alarm.ts";
import { START } from "./fixture.ts";

const OFFER = 10_000;
/** The longest that chance allows. */
const LATE = 0.999_999;

describe("the alarm behind what is not known to be taken", () => {
  test("[DUR3] rings later each time that it brought nothing, up to a limit, and soon again when it did", () => {
    const alarm = new OfferAlarm(OFFER);
    let now = alarm.begin(START, LATE);
    const waits: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      alarm.rang(false, now);
      const next = alarm.again(now, LATE);
      waits.push(Math.round((next - now) / OFFER));
      now = next;
    }
    expect(waits).toEqual([2, 4, 8, 16, 32, 64, 64, 64]);
    alarm.rang(true, now);
    expect(Math.round((alarm.again(now, LATE) - now) / OFFER)).toBe(1);
    expect(alarm.begin(START, 0)).toBe(START + OFFER / 2);
  });

  test("[DUR3] is put off by nothing that rings for the store", () => {
    const alarm = new OfferAlarm(OFFER);
    let next = alarm.begin(START, LATE);
    for (let now = START; now < START + 60_000; now += 1000) {
      if (now >= next) break;
      alarm.rang(false, now);
      next = alarm.again(now, LATE);
      expect(next - now).toBeLessThanOrEqual(OFFER);
    }
  });

  test("after a wake takes any that rings for its own: it does not know which it was", () => {
    const alarm = new OfferAlarm(OFFER);
    alarm.rang(false, START);
    expect(Math.round((alarm.again(START, LATE) - START) / OFFER)).toBe(2);
  });
});
