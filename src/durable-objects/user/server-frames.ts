/** Frames that a user's object makes, as JSON text, and their packing into messages of the allowed size. */
import { byteLength } from "../../protocol/body.ts";
import type { Refusal } from "../../protocol/codes.ts";
import type { Ref } from "../../protocol/codec.ts";
import { BATCH_FRAMES, FRAME_BYTES, HEADS_PER_FRAME, type HeadView } from "../../protocol/frames.ts";
import type { Cid, Uid } from "../../protocol/ids.ts";
import { spanOf } from "../../protocol/link.ts";

/** Room for the brackets and commas of a batch, and the link's first line. */
const BATCH_BYTES = FRAME_BYTES - 1024;

export function sentFrame(cid: Cid, result: { id: string; seq: number; ts: number; duplicate?: true }): string {
  const duplicate = result.duplicate ? `,"duplicate":true` : "";
  return `{"t":"sent","id":"${result.id}","cid":"${cid}","seq":${result.seq},"ts":${result.ts}${duplicate}}`;
}

export function errorFrame(refusal: Refusal, ref: Ref | undefined, requestId: string): string {
  const { code, message, retryAfter } = refusal;
  return JSON.stringify({ t: "error", code, message, ref, retry_after: retryAfter, request_id: requestId });
}

export function receiptFrame(cid: Cid, user: Uid, marks: { delivered?: number; read?: number }): string {
  return JSON.stringify({ t: "receipt", cid, user, ...marks });
}

export function typingFrame(cid: Cid, user: Uid, on: boolean): string {
  return JSON.stringify({ t: "typing", cid, user, on });
}

export function presenceFrame(user: Uid, online: boolean, lastSeen: number): string {
  const frame = { t: "presence", user, state: online ? "online" : "offline" };
  return JSON.stringify(online || lastSeen === 0 ? frame : { ...frame, last_seen: lastSeen });
}

export function syncedFrame(req: Ref | undefined, version: number): string {
  return JSON.stringify({ t: "synced", req, version });
}

export function releasedFrame(ids: readonly string[]): string {
  return JSON.stringify({ t: "released", ids });
}

export function pageFrame(
  req: Ref,
  cid: Cid,
  page: { messages: readonly string[]; head: number; more: boolean },
): string {
  return `{"t":"page","req":${JSON.stringify(req)},"cid":"${cid}","messages":[${page.messages.join(",")}],"head":${page.head},"more":${page.more}}`;
}

/** `heads` frames, each with the version of its last head and the groups that it tells of, small enough for one message. */
export function headsFrames(views: readonly HeadView[]): { frame: string; version: number; span: string }[] {
  const texts = views.map((view) => ({ text: JSON.stringify(view), version: view.version, view }));
  return pack(texts, ({ text }) => text, HEADS_PER_FRAME).map((chunk) => {
    const version = Math.max(...chunk.map((head) => head.version));
    const heads = chunk.map(({ text }) => text).join(",");
    const groups = chunk.filter(({ view }) => view.type === "group");
    const span = groups.map(({ view: { cid, head } }) => spanOf(cid, 0, head)).join(",");
    return { frame: `{"t":"heads","version":${version},"heads":[${heads}]}`, version, span };
  });
}

/** Splits frames into batches of at most 128 frames and 64 KiB. */
export function pack<T>(items: readonly T[], textOf: (item: T) => string, most = BATCH_FRAMES): T[][] {
  let characters = 0;
  for (const item of items) characters += textOf(item).length + 1;
  // Nearly always everything fits; then no byte is counted. A UTF-16 unit is at most three bytes.
  if (items.length > 0 && items.length <= most && characters * 3 <= BATCH_BYTES) return [[...items]];
  const batches: T[][] = [];
  let batch: T[] = [];
  let left = 0;
  for (const item of items) {
    const bytes = byteLength(textOf(item), 0) + 1;
    if (batch.length === 0 || batch.length >= most || bytes > left) {
      batch = [];
      batches.push(batch);
      left = BATCH_BYTES;
    }
    batch.push(item);
    left -= bytes;
  }
  return batches;
}
