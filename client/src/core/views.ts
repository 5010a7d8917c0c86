/** From what is held to what applications see. Pure. */
import { MpimError } from "../errors.ts";
import type { Message, MessageState } from "../message.ts";
import type { Entry, WireMessage } from "../wire.ts";
import { fold } from "./fold.ts";
import type { Held } from "./log.ts";
import type { Item } from "./item.ts";
import type { Room } from "./room.ts";

interface Seen {
  readonly message: Message;
  readonly state: MessageState | undefined;
}

export class Views {
  readonly #me: string;
  /** What was made of what is held, so that the same stays the same object. */
  readonly #seen = new WeakMap<Held, Seen>();
  /** Keys of messages that were written here, by id: they keep them for life. */
  readonly #keys = new Map<string, string>();

  constructor(me: string) {
    this.#me = me;
  }

  /** A message of the log. `amendments`: those of it, of one's own, that are under way. */
  held(held: Held, room: Room, amendments: readonly Item[]): Message {
    const { entry } = held;
    const state = entry.from === this.#me ? room.tick(entry.seq) : undefined;
    const amended = amendments.reduce((message, item) => foldOwn(message, item, this.#me), entry);
    if (amended !== entry) return this.entry(amended, state);
    const before = this.#seen.get(held);
    if (before !== undefined && before.state === state) return before.message;
    const message = this.entry(entry, state);
    this.#seen.set(held, { message, state });
    return message;
  }

  /** How a message was last seen by anybody. */
  known(held: Held): MessageState | undefined {
    return this.#seen.get(held)?.state;
  }

  /** A message as it came. */
  entry(entry: WireMessage, state: MessageState | undefined): Message {
    const { id, cid, seq, from, ts, kind, body, priority, reply_to, mentions = [], edited, recalled } = entry;
    return {
      key: (from === this.#me ? this.#keys.get(id) : undefined) ?? `${from}/${id}`,
      id,
      cid,
      seq,
      from,
      mine: from === this.#me,
      ts,
      kind: kind as Message["kind"],
      body,
      text: kind === "text" ? textOf(body) : "",
      priority,
      replyTo: reply_to,
      mentions,
      edited: edited && { ts: edited.ts },
      recalled: recalled === true,
      reactions: entry.reactions ?? {},
      ephemeral: entry.ephemeral === true,
      state,
      error: undefined,
    };
  }

  /** A message of the outbox. */
  item(item: Item, room: Room): Message {
    const { record, flying, placed } = item;
    const { frame, failure, cid, created } = record;
    const id = frame.id;
    if (id !== record.key) this.#keys.set(id, `${this.#me}/${record.key}`);
    const send = frame.t === "send" ? frame : undefined;
    const state: MessageState =
      failure !== undefined ? "failed" : placed !== undefined ? room.tick(placed.seq) : flying ? "sending" : "pending";
    const message = this.entry(
      {
        cid,
        seq: placed?.seq,
        id,
        from: this.#me,
        ts: placed?.ts ?? created,
        kind: send?.kind ?? "amend",
        body: frame.body,
        priority: send?.priority ?? 1,
        reply_to: send?.reply_to,
        mentions: send?.mentions,
        ephemeral: send?.qos === 0 ? true : undefined,
      },
      state,
    );
    return failure === undefined
      ? message
      : { ...message, error: new MpimError(failure.code, failure.message, failure) };
  }
}

/** The entry that an item of the outbox became. */
export function entryOf({ record }: Item, me: string, { seq, ts }: { seq: number; ts: number }): Entry {
  const { frame, cid } = record;
  const shared = { cid, seq, id: frame.id, from: me, ts, body: frame.body };
  if (frame.t === "amend") return { ...shared, kind: "amend", priority: 1, target: frame.target, op: frame.op };
  return {
    ...shared,
    kind: frame.kind,
    priority: frame.priority ?? 1,
    reply_to: frame.reply_to,
    mentions: frame.mentions,
  };
}

function foldOwn<M extends WireMessage>(message: M, { record: { frame, created } }: Item, me: string): M {
  if (frame.t !== "amend") return message;
  return fold(message, { op: frame.op, from: me, ts: created, body: frame.body });
}

function textOf(body: unknown): string {
  const text = (body as { text?: unknown } | undefined)?.text;
  return typeof text === "string" ? text : "";
}
