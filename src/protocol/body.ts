/** The shape of a message's body, per kind. */
import { z } from "zod";
import { refuse, type Refusal } from "./codes.ts";
import { BODY_BYTES, TEXT_CHARACTERS, type Kind } from "./frames.ts";

const Attachment = z.looseObject({
  attachment: z.string().min(1).max(2048),
  name: z.string().max(255).optional(),
  size: z.number().int().min(0).optional(),
});
const Text = z.looseObject({ text: z.string().min(1) });
const Reaction = z.looseObject({ emoji: z.string().min(1).max(64) });

const encoder = new TextEncoder();

/** Length in UTF-8 bytes; counted exactly only when it could matter. */
export function byteLength(text: string, limit: number): number {
  return text.length * 3 <= limit ? text.length : encoder.encode(text).byteLength;
}

/**
 * Checks a body against its kind and returns it as JSON text. Refuses with `too_large` (over 16 KiB of JSON, or a text of
 * over 8,192 characters, counted as code points) or `invalid_argument`.
 */
export function encodeBody(kind: Kind, body: unknown): string | Refusal {
  const json = JSON.stringify(body);
  if (json === undefined) return refuse("invalid_argument", "body is missing");
  if (byteLength(json, BODY_BYTES) > BODY_BYTES) return refuse("too_large", `body is over ${BODY_BYTES} bytes of JSON`);
  if (kind === "text") {
    const parsed = Text.safeParse(body);
    if (!parsed.success) return refuse("invalid_argument", "the body of a text is {text}, not empty");
    const { text } = parsed.data;
    if (text.length > TEXT_CHARACTERS && Array.from(text).length > TEXT_CHARACTERS) {
      return refuse("too_large", `text is over ${TEXT_CHARACTERS} characters`);
    }
  } else if (kind !== "custom" && !Attachment.safeParse(body).success) {
    return refuse("invalid_argument", `the body of ${kind} is {attachment, name?, size?}`);
  }
  return json;
}

/**
 * The body of an amendment as JSON text: a reaction's is `{emoji}`, an edit's is checked against the kind of its target
 * by the conversation, which alone knows it; a recall has none.
 */
export function encodeAmendment(op: "edit" | "recall" | "react" | "unreact", body: unknown): string | Refusal {
  if (op === "recall") return "";
  if (op === "edit") return encodeBody("custom", body);
  if (!Reaction.safeParse(body).success) return refuse("invalid_argument", "the body of a reaction is {emoji}");
  return encodeBody("custom", body);
}
