/** From what an application wants to send to a frame, checked as the server would. */
import { utf8Length } from "./core/pace.ts";
import { invalid, MpimError } from "./errors.ts";
import type { Draft } from "./message.ts";
import type { SendFrame } from "./wire.ts";

const TEXT_CHARACTERS = 8192;
const BODY_BYTES = 16 * 1024;

const ID = /^[\w-]{8,64}$/;

/** A `send` frame, with the draft's own id or a `fresh` one. Throws `invalid_argument` or `too_large`, so that nothing hopeless enters the outbox. */
export function frameOf(to: string, draft: Draft | string, fresh: string): SendFrame {
  const whole: Draft = typeof draft === "string" ? { text: draft } : draft;
  if (!(whole instanceof Object)) throw invalid("there is nothing to send");
  const { id = fresh, replyTo, mentions, qos, priority, ttl } = whole;
  if (typeof id !== "string" || !ID.test(id)) throw invalid("an id is [A-Za-z0-9_-]{8,64}");
  const kind = "text" in whole ? "text" : whole.kind;
  const body = checkBody(kind, "text" in whole ? { text: whole.text } : whole.body);
  return {
    t: "send",
    id,
    to,
    kind,
    body,
    qos,
    priority,
    ttl,
    reply_to: replyTo,
    ...(mentions !== undefined && mentions.length > 0 && { mentions: [...mentions] }),
  };
}

/**
 * Checks a body against its kind. Gives what JSON makes of it: stores keep that, too, whatever methods the original has, and
 * nothing that happens to the original afterwards changes what is sent.
 */
export function checkBody(kind: string, body: unknown): unknown {
  const json = jsonOf(body);
  if (json === undefined) throw invalid("there is no body, or it is no JSON");
  if (utf8Length(json) > BODY_BYTES) throw new MpimError("too_large", `the body is over ${BODY_BYTES} bytes of JSON`);
  const plain = JSON.parse(json) as unknown;
  if (kind !== "text") return plain;
  const { text } = (plain ?? {}) as { text?: unknown };
  if (typeof text !== "string" || text === "") throw invalid("the text is empty, or no string");
  if (text.length > TEXT_CHARACTERS && Array.from(text).length > TEXT_CHARACTERS) {
    throw new MpimError("too_large", `the text is over ${TEXT_CHARACTERS} characters`);
  }
  return plain;
}

function jsonOf(body: unknown): string | undefined {
  try {
    return JSON.stringify(body);
  } catch (error) {
    throw new MpimError("invalid_argument", `the body cannot be JSON: ${error instanceof Error ? error.message : ""}`);
  }
}
