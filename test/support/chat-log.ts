/** One conversation as a client keeps it: every entry once, in order, with amendments folded into what they amend. Pure. */

export interface Message {
  readonly cid: string;
  readonly seq?: number;
  readonly id: string;
  readonly from: string;
  readonly ts: number;
  readonly kind: string;
  body?: unknown;
  readonly target?: number;
  readonly op?: string;
  edited?: { seq: number; ts: number };
  recalled?: true;
  reactions?: Record<string, string[]>;
  readonly ephemeral?: true;
}

export type Entry = Message & { readonly seq: number };

export class ChatLog {
  /** Applied entries by seq, from 1 to `applied` without a gap. */
  readonly log = new Map<number, Message>();
  applied = 0;
  /** How far the conversation is known to go. */
  head = 0;
  /** A pull is under way. */
  pulling = false;

  /** Takes the next entry. `known`: dropped, it was applied before (DUP3). `gap`: something before it is missing. */
  apply(entry: Entry): "applied" | "known" | "gap" {
    this.head = Math.max(this.head, entry.seq);
    if (entry.seq <= this.applied) return "known";
    if (entry.seq > this.applied + 1) return "gap";
    this.log.set(entry.seq, { ...entry });
    this.applied = entry.seq;
    if (entry.kind === "amend") this.#fold(entry);
    return "applied";
  }

  /** The messages as their reader sees them: amendments show in what they amend, not as lines of their own. */
  messages(): Message[] {
    return [...this.log.values()].filter((message) => message.kind !== "amend");
  }

  /** A page may hold the target in its newest state and earlier amendments of it: folding those must change nothing. */
  #fold(amend: Entry): void {
    const target = this.log.get(amend.target ?? 0);
    if (target === undefined || target.recalled) return;
    if (amend.op === "recall") {
      delete target.body;
      delete target.edited;
      delete target.reactions;
      target.recalled = true;
    } else if (amend.op === "edit") {
      if (amend.body === undefined || amend.seq < (target.edited?.seq ?? 0)) return;
      target.body = amend.body;
      target.edited = { seq: amend.seq, ts: amend.ts };
    } else this.#react(target, amend);
  }

  #react(target: Message, { op, from, body }: Entry): void {
    const { emoji } = body as { emoji: string };
    const reactions = new Map(Object.entries(target.reactions ?? {}));
    const users = (reactions.get(emoji) ?? []).filter((user) => user !== from);
    if (op === "react") users.push(from);
    if (users.length > 0) reactions.set(emoji, users);
    else reactions.delete(emoji);
    if (reactions.size > 0) target.reactions = Object.fromEntries(reactions);
    else delete target.reactions;
  }
}
