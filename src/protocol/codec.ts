/** From one WebSocket text message to checked frames. Bad input becomes refusals, never exceptions. */
import type { z } from "zod";
import { byteLength } from "./body.ts";
import { refuse, type Refusal } from "./codes.ts";
import { BATCH_FRAMES, ClientFrame, FRAME_BYTES } from "./frames.ts";

export type Ref = string | number;

/** Arrays and objects inside each other in one frame. */
const DEPTH = 64;

export type Decoded =
  | { readonly ok: true; readonly frame: ClientFrame }
  | { readonly ok: false; readonly refusal: Refusal; readonly ref: Ref | undefined };

/**
 * Decodes one text message: a frame or a batch of 1–128. A message that is too long, no JSON, or a batch of a wrong size is
 * refused as a whole; otherwise each frame is judged by itself, in order.
 */
export function decode(text: string): Decoded[] {
  // By its characters first: of what is far too long no copy is made to count its bytes.
  if (text.length > FRAME_BYTES || byteLength(text, FRAME_BYTES) > FRAME_BYTES) {
    return [bad("too_large", `message is over ${FRAME_BYTES} bytes`)];
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return [bad("invalid_frame", "message is not JSON")];
  }
  if (!Array.isArray(json)) return [decodeFrame(json)];
  if (json.length < 1 || json.length > BATCH_FRAMES) {
    return [bad("invalid_frame", `a batch has 1 to ${BATCH_FRAMES} frames, not ${json.length}`)];
  }
  return json.map(decodeFrame);
}

function decodeFrame(json: unknown): Decoded {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return bad("invalid_frame", "a frame is a JSON object");
  }
  const fields = json as Record<string, unknown>;
  if (deeper(json, DEPTH)) {
    const refusal = refuse("invalid_argument", `a frame is nested at most ${DEPTH} levels deep`);
    return { ok: false, refusal, ref: refOf(fields) };
  }
  const { body } = fields;
  // A body is any JSON, and what `JSON.parse` made is nothing else, but for numbers beyond all bounds. So the schemas see
  // null in its place: walking it would cost them a hundred times the parsing, and lose keys like `__proto__`.
  const parsed = ClientFrame.safeParse(body === undefined ? json : { ...fields, body: null });
  if (!parsed.success) return { ok: false, refusal: explain(parsed.error.issues), ref: refOf(fields) };
  if (!("body" in parsed.data)) return { ok: true, frame: parsed.data };
  if (!unbounded(body)) return { ok: true, frame: { ...parsed.data, body } as ClientFrame };
  return { ok: false, refusal: refuse("invalid_argument", "body: a number is too large"), ref: refOf(fields) };
}

/** A wrong shape is `invalid_frame`; a right shape with a value out of its range is `invalid_argument`. */
function explain(issues: readonly z.core.$ZodIssue[]): Refusal {
  const issue = issues[0];
  const path = issue?.path.join(".") || "frame";
  if (issue?.code === "invalid_union" && path === "t") return refuse("invalid_frame", "unknown frame type");
  const shape = issue?.code === "invalid_type" || (issue?.code === "invalid_union" && allTypes(issue.errors));
  return refuse(shape ? "invalid_frame" : "invalid_argument", `${path}: ${issue?.message ?? "invalid"}`);
}

function allTypes(branches: readonly (readonly z.core.$ZodIssue[])[]): boolean {
  return branches.every((branch) => branch.some((issue) => issue.code === "invalid_type"));
}

function deeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => deeper(child, levels - 1));
}

/** Whether a number in it was too large to be read as one. */
function unbounded(value: unknown): boolean {
  if (typeof value === "number") return !Number.isFinite(value);
  return typeof value === "object" && value !== null && Object.values(value).some(unbounded);
}

/** What an error about a frame refers to: its `id` or `req`, else its `cid`, as far as they can be trusted. */
function refOf(json: Record<string, unknown>): Ref | undefined {
  for (const key of ["id", "req", "cid"]) {
    const value = json[key];
    if (typeof value === "string" && value.length > 0 && value.length <= 160) return value;
    if (typeof value === "number" && Number.isFinite(value)) return value;
  }
  return undefined;
}

function bad(code: "invalid_frame" | "too_large", message: string): Decoded {
  return { ok: false, refusal: refuse(code, message), ref: undefined };
}
