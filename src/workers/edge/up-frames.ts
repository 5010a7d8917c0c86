/** A client's frame on its way over the link: what it asks, what it refers to, and the shape it travels in. Pure. */
import { encodeAmendment, encodeBody } from "../../protocol/body.ts";
import type { Refusal } from "../../protocol/codes.ts";
import type { Decoded, Ref } from "../../protocol/codec.ts";
import type { ClientFrame } from "../../protocol/frames.ts";
import type { UpFrame } from "../../protocol/link.ts";

/** Acks and heartbeats are never refused: refusing them would only make the overload worse. */
export function neverRefused(decoded: Decoded): boolean {
  return decoded.ok && (decoded.frame.t === "ack" || decoded.frame.t === "ping" || decoded.frame.t === "read");
}

/** What an error about a frame refers to; undefined when the frame has nothing to name it by. */
export function refOf(decoded: Decoded): Ref | undefined {
  if (!decoded.ok) return decoded.ref;
  const { frame } = decoded;
  if ("id" in frame) return frame.id;
  if ("req" in frame) return frame.req;
  if (frame.t === "release") return frame.ids[0];
  return "cid" in frame ? frame.cid : undefined;
}

/** A checked frame as it goes over the link, its body made JSON text; a refusal when the body is not what its kind says. */
export function toUp(frame: Exclude<ClientFrame, { t: "hello" | "ping" }>): UpFrame | Refusal {
  if (frame.t === "send") {
    const body = encodeBody(frame.kind, frame.body);
    return typeof body === "string" ? { ...frame, body } : body;
  }
  if (frame.t === "amend") {
    const body = encodeAmendment(frame.op, frame.body);
    return typeof body === "string" ? { ...frame, body } : body;
  }
  return frame;
}
