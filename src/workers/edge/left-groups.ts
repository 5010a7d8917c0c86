/**
 * How far a client was in the groups that it has left. Relays may have been ahead of what the user's object knows: when the user is
 * back, the object begins before that, and nothing goes to the client twice (ORD2). Pure.
 */
import type { Cid } from "../../protocol/ids.ts";
import type { Note, Span } from "../../protocol/link.ts";
import { SpanGate, type Client } from "./span-gate.ts";

export class LeftGroups {
  readonly #had = new Map<Cid, number>();

  note(cid: Cid, seq: number): void {
    this.#had.set(cid, seq);
  }

  /** What the client has of a group that is large again. */
  had(cid: Cid): number {
    return this.#had.get(cid) ?? 0;
  }

  /** Hands on what is new of entries that are pushed. False: none of them is known here. */
  pass(span: Span, down: { readonly note: Note; readonly payload: string }, client: Client, now: number): boolean {
    const had = this.had(span.cid);
    if (span.first === 0 || span.first > had) return false;
    new SpanGate(had).offer(span, down, client, now);
    if (span.last > had) this.#had.delete(span.cid);
    return true;
  }
}
