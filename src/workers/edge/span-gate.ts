/**
 * The order of one large group at one client (ORD2). Its entries come on two ways, multicast over a relay link, and over the
 * link to the user's object (answers to own sends, and what is pushed after a change of mode), each in order by itself and
 * neither waiting for the other. What comes early is held until the gap closes, or until the client has been told the head:
 * then it is the client that pulls what is missing. What comes twice goes once, and every request is answered once. Pure.
 */
import type { Note, Span } from "../../protocol/link.ts";

/** What a gate asks of the session. */
export interface Client {
  /** Whether a request waits for an answer. */
  open(key: string): boolean;
  /** A payload for the client, "" when nothing is left of it; its note is true from now on. */
  hand(note: Note, payload: string, now: number): void;
}

interface Held {
  readonly span: Span;
  readonly note: Note;
  readonly payload: string;
}

/** What one group may hold back. Beyond it nothing is waited for: the client is told the head. */
const HELD = 64;
const HELD_CHARACTERS = 128 * 1024;

interface Frame {
  readonly t: string;
  readonly id?: string;
  readonly seq?: number;
}

export class SpanGate {
  #seq: number;
  #known: number;
  #held: Held[] | undefined;

  constructor(seq: number) {
    this.#seq = seq;
    this.#known = seq;
  }

  /** The client has everything up to here, or was told of the hole. */
  get seq(): number {
    return this.#seq;
  }

  /** There are entries that the client neither has nor knows of. */
  get lacking(): boolean {
    return this.#known > this.#seq;
  }

  /** The group is that far. */
  knows(head: number): void {
    this.#known = Math.max(this.#known, head);
  }

  /** A payload with entries of the group. False: too much would have been held, so nothing is waited for any more. */
  offer(span: Span, down: { readonly note: Note; readonly payload: string }, client: Client, now: number): boolean {
    this.knows(span.last);
    const held = { span, ...down };
    if (this.#pass(held, client, now)) {
      this.#release(client, now);
      return true;
    }
    this.#held ??= [];
    this.#held.push(held);
    this.#held.sort((a, b) => a.span.first - b.span.first);
    return this.#bound(client);
  }

  /** The client has been told the head. */
  told(head: number, client: Client, now: number): void {
    this.knows(head);
    this.#seq = Math.max(this.#seq, head);
    this.#release(client, now);
  }

  /** What is missing is told another way, and what is held goes nowhere; requests are asked again. */
  forget(): Held[] {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#known = this.#seq;
    return held;
  }

  /** The group is not this user's any more: of what is held, requests get their answers, and the rest goes nowhere (SEC1). */
  end(client: Client, now: number): void {
    for (const { note, payload } of this.forget()) {
      if (note.done.some((key) => client.open(key))) client.hand(note, answersIn(payload, client), now);
    }
  }

  /** False: the payload must wait. */
  #pass({ span, note, payload }: Held, client: Client, now: number): boolean {
    if (span.first > this.#seq + 1) return false;
    const seq = this.#seq;
    if (span.last > seq) {
      this.#seq = span.last;
      client.hand(note, span.first > seq ? payload : without(payload, seq, client), now);
    } else {
      const asked = note.done.some((key) => client.open(key));
      client.hand(note, asked ? answersIn(payload, client) : "", now);
    }
    return true;
  }

  /** Ascending by their first entries: where one has to wait, so has what follows. */
  #release(client: Client, now: number): void {
    while (this.#held !== undefined) {
      const first = this.#held.shift();
      if (first === undefined) this.#held = undefined;
      else if (!this.#pass(first, client, now)) {
        this.#held.unshift(first);
        return;
      }
    }
  }

  /** Lets go of what is too much, but for answers, which nobody would give a second time. */
  #bound(client: Client): boolean {
    const held = this.#held ?? [];
    let characters = 0;
    for (const { payload } of held) characters += payload.length;
    if (held.length <= HELD && characters <= HELD_CHARACTERS) return true;
    this.#held = held.flatMap(({ span, note, payload }) => {
      if (!note.done.some((key) => client.open(key))) return [];
      // They go when the client knows of everything before; the entries beside them have not been handed by that.
      return [{ span: { ...span, first: span.last + 1 }, note, payload: answersIn(payload, client) }];
    });
    this.#held.sort((a, b) => a.span.first - b.span.first);
    return false;
  }
}

/** The payload without entries that the client has or was told of, but for the answers that it waits for. */
function without(payload: string, seq: number, client: Client): string {
  return cut(payload, (frame) => (frame.seq ?? 0) > seq || isAnswer(frame, client));
}

/** The answers that the client waits for. */
function answersIn(payload: string, client: Client): string {
  return cut(payload, (frame) => isAnswer(frame, client));
}

/** The payload without answers that nobody waits for any more: they came another way. */
export function withoutRepeats(payload: string, client: Client): string {
  return cut(payload, (frame) => frame.t !== "sent" || isAnswer(frame, client));
}

function isAnswer({ t, id }: Frame, client: Client): boolean {
  return t === "sent" && id !== undefined && client.open(id);
}

function cut(payload: string, keep: (frame: Frame) => boolean): string {
  const frames = [JSON.parse(payload) as Frame | Frame[]].flat().filter(keep);
  if (frames.length === 0) return "";
  return JSON.stringify(frames.length === 1 ? frames[0] : frames);
}
