/** How far a message has come: one tick sent, two delivered, two coloured read. */
import type { MessageState } from "../../../client/src/mpim.ts";
import { useShared } from "../state/use.ts";
import { tickOf } from "../view/ticks.ts";

const LABELS = {
  clock: "tickClock",
  one: "tickOne",
  two: "tickTwo",
  read: "tickRead",
  bad: "tickBad",
} as const;
const PATHS = {
  clock: "M8 4.5V8l2.5 1.5M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2",
  one: "m3.5 8.5 3 3 6-7",
  two: "m1.5 8.5 3.2 3.2 6.3-7.2M9.4 11.2l.5.5 6.7-7.5",
  read: "m1.5 8.5 3.2 3.2 6.3-7.2M9.4 11.2l.5.5 6.7-7.5",
  bad: "M8 4.5V9m0 2.5v.01M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2",
} as const;

export function Ticks({ state }: { readonly state: MessageState }) {
  const { t } = useShared();
  const tick = tickOf(state);
  const wide = tick === "two" || tick === "read";
  return (
    <svg
      class={`ticks ticks-${tick}`}
      width={wide ? 20 : 16}
      height="16"
      viewBox={wide ? "0 0 18 16" : "0 0 16 16"}
      role="img"
      aria-label={t[LABELS[tick]]}
    >
      <path d={PATHS[tick]} />
    </svg>
  );
}
