/** From what an application wants to send to a frame, checked as the server would. */
import { utf8Length } from "./core/pace.ts";
import { invalid, MpimError } from "./errors.ts";
import type { Draft } from "./message.ts";
import type { SendFrame } from "./wire.ts";

const TEXT_CHARACTERS = 8192;
const BODY_BYTES = 16 * 1024;

const MENTIONS = 100;
const EMOJI_CHARACTERS = 64;
const TTL_SECONDS = 7 * 86_400;

const ID = /^[\w-]{8,64}$/;
/** The id of a user. */
export const UID = /^[\w-]{1,64}$/;

/** A `send` frame, with the draft's own id or a `fresh` one. Throws `invalid_argument` or `too_large`, so that nothing hopeless enters the outbox. */
export function frameOf(to: string, draft: Draft | string, fresh: string): SendFrame {
  const whole: Draft = typeof draft === "string" ? { text: draft } : draft;
  if (!(whole instanceof Object)) throw invalid("there is nothing to send");
  const { id = fresh, replyTo, mentions, qos, priority, ttl } = whole;
  if (typeof id !== "string" || !ID.test(id)) throw invalid("an id is [A-Za-z0-9_-]{8,64}");
  if (mentions !== undefined && !(mentions.length <= MENTIONS && mentions.every((uid) => UID.test(uid))))
    throw invalid(`mentions are at most ${MENTIONS} uids`);
  checkWhole("qos", qos, 0, 2);
  checkWhole("priority", priority, 0, 3);
  checkWhole("ttl", ttl, 1, TTL_SECONDS);
  checkWhole("replyTo", replyTo, 1);
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

/** The body of a reaction. */
export function reactionOf(emoji: string): unknown {
  if (typeof emoji !== "string" || emoji === "" || emoji.length > EMOJI_CHARACTERS)
    throw invalid(`an emoji has 1 to ${EMOJI_CHARACTERS} characters`);
  return { emoji };
}

/** Throws `invalid_argument` for what is neither left out nor a whole number within its bounds. */
export function checkWhole(name: string, value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (value !== undefined && !(Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most))
    throw invalid(`${name} is a whole number from ${least} to ${most}`);
}

function jsonOf(body: unknown): string | undefined {
  try {
    return JSON.stringify(body);
  } catch (error) {
    throw new MpimError("invalid_argument", `the body cannot be JSON: ${error instanceof Error ? error.message : ""}`);
  }
}
