/** How far a message has come, as a sign. Pure. */
import type { MessageState } from "../../../client/src/message.ts";

/** `clock`: not there yet. `one`: on the server. `two`: with everybody; `read`: the same, in colour. `bad`: it failed. */
export type Tick = "clock" | "one" | "two" | "read" | "bad";

const TICKS: Readonly<Record<MessageState, Tick>> = {
  pending: "clock",
  sending: "clock",
  sent: "one",
  delivered: "two",
  read: "read",
  failed: "bad",
};

export function tickOf(state: MessageState): Tick {
  return TICKS[state];
}
