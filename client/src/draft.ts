/** From what an application wants to send to a frame, checked as the server would. */
import { utf8Length } from "./core/pace.ts";
import { MpimError } from "./errors.ts";
import type { Draft } from "./message.ts";
import type { SendFrame } from "./wire.ts";

const TEXT_CHARACTERS = 8192;
const BODY_BYTES = 16 * 1024;

/** A `send` frame. Throws `invalid_argument` or `too_large`, so that nothing hopeless enters the outbox. */
export function frameOf(to: string, draft: Draft | string, id: string): SendFrame {
  const whole: Draft = typeof draft === "string" ? { text: draft } : draft;
  const { replyTo, mentions, qos, priority, ttl } = whole;
  const kind = "text" in whole ? "text" : whole.kind;
  const body = "text" in whole ? { text: whole.text } : whole.body;
  checkBody(kind, body);
  return {
    t: "send",
    id,
    to,
    kind,
    body,
    ...(qos !== undefined && { qos }),
    ...(priority !== undefined && { priority }),
    ...(ttl !== undefined && { ttl }),
    ...(replyTo !== undefined && { reply_to: replyTo }),
    ...(mentions !== undefined && mentions.length > 0 && { mentions }),
  };
}

/** Checks a body against its kind. */
export function checkBody(kind: string, body: unknown): void {
  const json = JSON.stringify(body) as string | undefined;
  if (json === undefined) throw new MpimError("invalid_argument", "there is no body");
  if (utf8Length(json) > BODY_BYTES) throw new MpimError("too_large", `the body is over ${BODY_BYTES} bytes of JSON`);
  if (kind !== "text") return;
  const { text } = body as { text?: unknown };
  if (typeof text !== "string" || text === "") throw new MpimError("invalid_argument", "the text is empty");
  if (text.length > TEXT_CHARACTERS && Array.from(text).length > TEXT_CHARACTERS) {
    throw new MpimError("too_large", `the text is over ${TEXT_CHARACTERS} characters`);
  }
}
