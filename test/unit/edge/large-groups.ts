/** Large groups of a session, and both ways that their entries come. */
import type { Cid } from "../../../src/protocol/ids.ts";
import { START, VERSION, welcomed, type Edge } from "./fixture.ts";

export const [A, B, C, D] = ["a", "b", "c", "d"].map((name) => `g.${name.repeat(26)}`) as [Cid, Cid, Cid, Cid];
export const TWO = { groups: { relay_links: 2, poll_ms: 10_000 } };
export const LINK = { session: "session-1", device: "phone", uid: "alice", relays: 3, epoch: 1, node: 2 };

/** The user's object names the large groups, the one used last first. */
export function pull(edge: Edge, groups: Record<string, number>, whole = true): void {
  const list = Object.entries(groups).map(([cid, seq]) => ({ cid: cid as Cid, seq, relays: 3 }));
  edge.control({ do: "pull", groups: list, whole });
}

export function admit(edge: Edge, cid: Cid, head: number, hole = false): void {
  edge.relayControl(cid, { do: "admitted", head, hole });
}

export function message(seq: number, cid: Cid = A): Record<string, unknown> {
  return { t: "message", cid, seq, id: `message-${seq}`, from: "bob", ts: START, kind: "text", priority: 1, body: {} };
}

export function answer(seq: number, cid: Cid = A): Record<string, unknown> {
  return { t: "sent", id: `message-${seq}`, cid, seq, ts: START };
}

/** A relay hands entries. */
export function relayed(edge: Edge, seqs: number[], cid: Cid = A): void {
  edge.relayed(cid, { span: `${cid} ${seqs[0]} ${seqs.at(-1)}` }, ...seqs.map((seq) => message(seq, cid)));
}

/** The user's object pushes an entry. */
export function pushed(edge: Edge, seq: number, cid: Cid = A): void {
  edge.down({ span: `${cid} ${seq} ${seq}`, version: VERSION + seq }, message(seq, cid));
}

export function heads(edge: Edge, of: Record<string, number>): void {
  const span = Object.entries(of).map(([cid, head]) => `${cid} 0 ${head}`);
  edge.down({ span: span.join(",") }, { t: "heads", version: VERSION, heads: [] });
}

export function seqsOf(edge: Edge): number[] {
  return edge.take().flatMap((frame) => (frame.t === "message" || frame.t === "sent" ? (frame.seq ?? []) : []));
}

export function send(edge: Edge, cid: Cid, seq = 99): void {
  edge.client({ t: "send", id: `message-${seq}`, to: cid, body: { text: "text" } });
}

/** A client with group A open at a relay, which both are at entry 4. */
export function listening(config: unknown = {}): Edge {
  const edge = welcomed(config);
  pull(edge, { [A]: 4 });
  admit(edge, A, 4);
  edge.opened = [];
  return edge;
}

/** Waits until a relay link is asked for; how long that took, ms. */
export function untilOpened(edge: Edge): number {
  const from = edge.now;
  while (edge.opened.length === 0 && edge.now < from + 60_000) edge.wait(1);
  edge.client({ t: "ping" });
  edge.take();
  return edge.now - from;
}
