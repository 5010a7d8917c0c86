/**
 * What becomes of a batch of drafts: which get the next seqs (ORD1), which are known already (DUP1), which are refused.
 * Pure: looks at the log through `LogView`, returns all writes and all answers, changes nothing.
 */
import { hashHex } from "../../lib/hash.ts";
import { encodeBody } from "../../protocol/body.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import { timeOf, type Uid } from "../../protocol/ids.ts";
import type { Amended } from "../message-json.ts";
import { rareOf, type Draft, type DraftResult } from "../rpc.ts";
import type { LogRow } from "./conversation-store.ts";

/** What a decision may look at. */
export interface LogView {
  readonly head: number;
  /** Countable entries up to the head. */
  readonly count: number;
  /** Time of the newest entry; times never fall along the log. */
  readonly lastTs: number;
  /** The oldest entry of the log. Those before it are in the store, and known here only if they were read back. */
  readonly first: number;
  row(seq: number): LogRow | undefined;
  amended(seq: number): Amended | undefined;
  /** The log's entry with this sender and id, inside the window. */
  find(sender: Uid, id: string): LogRow | undefined;
  qos2(sender: Uid, id: string): { seq: number; hash: string } | undefined;
}

export interface Sender {
  readonly uid: Uid;
  /** Entries up to here are not this member's. */
  readonly joinedSeq: number;
  /** Why this member may not write; `op` of an amendment. */
  readonly silenced?: ((op: Draft["op"]) => Refusal | undefined) | undefined;
}

export interface AppendLimits {
  /** ms an id is known. */
  readonly dedup_ms: number;
  /** ms after which a message cannot be recalled; 0 = never. */
  readonly recall_ms: number;
}

export interface Decision {
  readonly results: readonly DraftResult[];
  readonly rows: readonly LogRow[];
  readonly amended: ReadonlyMap<number, Amended>;
  readonly erased: readonly number[];
  readonly qos2: readonly { sender: Uid; id: string; seq: number; hash: string }[];
}

/** Edits of one entry: what is kept of it has to stay a value that any database takes. */
const EDITS = 1_000;
/** Different emoji on one entry. */
const REACTIONS = 64;
/** Characters of one entry's reactions: with a long text they still fit a frame. */
const REACTION_CHARACTERS = 32_000;

/** Decides a batch of one sender's drafts in their order; later drafts see what earlier ones did. */
export function decide(
  view: LogView,
  sender: Sender,
  drafts: readonly Draft[],
  now: number,
  limits: AppendLimits,
): Decision {
  const results: DraftResult[] = [];
  const rows: LogRow[] = [];
  const amended = new Map<number, Amended>();
  const erased: number[] = [];
  const qos2: { sender: Uid; id: string; seq: number; hash: string }[] = [];
  const rowAt = (seq: number): LogRow | undefined =>
    seq > view.head ? rows[seq - view.head - 1] : seq < 1 ? undefined : view.row(seq);
  const amendedAt = (seq: number): Amended | undefined => amended.get(seq) ?? view.amended(seq);

  for (const draft of drafts) {
    const hash = contentHash(draft);
    const known = knownAs(view, rows, sender.uid, draft, now, limits.dedup_ms);
    if (known !== undefined) {
      results.push("code" in known ? { id: draft.id, refusal: known } : sameOrConflict(draft, hash, known));
      continue;
    }
    const seq = view.head + rows.length + 1;
    const ts = Math.max(now, view.lastTs);
    const refusal =
      sender.silenced?.(draft.op) ??
      reachable(view, draft) ??
      checkReply(draft, sender, rowAt) ??
      amend(draft, sender, { seq, ts, now }, rowAt, amendedAt, limits, amended, erased);
    if (refusal !== undefined) {
      results.push({ id: draft.id, refusal });
      continue;
    }
    const before = rows.at(-1)?.count ?? view.count;
    rows.push({
      seq,
      id: draft.id,
      from: sender.uid,
      device: draft.device,
      ts,
      kind: draft.kind,
      body: draft.body,
      priority: draft.priority,
      count: draft.kind === "amend" || draft.kind === "system" ? before : before + 1,
      hash,
      ...rareOf(draft),
    });
    if (draft.qos === 2) qos2.push({ sender: sender.uid, id: draft.id, seq, hash });
    results.push({ id: draft.id, seq, ts });
  }
  return { results, rows, amended, erased, qos2 };
}

/** The content as it was sent: what must be equal for a retry to be a retry (DUP2). */
export function contentHash(draft: Draft): string {
  const { kind, body, priority, reply_to, mentions, target, op } = draft;
  return hashHex(JSON.stringify([kind, body, priority, reply_to, mentions, target, op]));
}

/** Where the id already stands; a refusal when it is too old to tell; undefined when it is new. */
function knownAs(
  view: LogView,
  rows: readonly LogRow[],
  uid: Uid,
  draft: Draft,
  now: number,
  window: number,
): { seq: number; ts: number; hash: string } | Refusal | undefined {
  const inBatch = rows.find((row) => row.id === draft.id);
  if (inBatch !== undefined) return inBatch;
  const held = view.qos2(uid, draft.id);
  if (held !== undefined) return { ...held, ts: view.row(held.seq)?.ts ?? now };
  const time = timeOf(draft.id);
  if (time !== undefined && time < now - window) return refuse("id_expired", "the id is older than the window");
  return view.find(uid, draft.id);
}

function sameOrConflict(draft: Draft, hash: string, known: { seq: number; ts: number; hash: string }): DraftResult {
  return known.hash === hash
    ? { id: draft.id, seq: known.seq, ts: known.ts, duplicate: true }
    : { id: draft.id, refusal: refuse("id_conflict", "this id was used for another message") };
}

/** What a draft is about may be in the store, which does not answer: then nothing is known of it, and the client asks again. */
function reachable(view: LogView, { target, reply_to }: Draft): Refusal | undefined {
  for (const seq of [target, reply_to]) {
    if (seq === undefined || seq < 1 || seq >= view.first || view.row(seq) !== undefined) continue;
    return refuse("unavailable", "older messages cannot be looked at now", 1_000);
  }
  return undefined;
}

/** The entries that drafts are about, which a decision looks at. */
export function seqsOf(drafts: readonly Draft[]): number[] {
  return drafts.flatMap(({ target, reply_to }) => [target ?? 0, reply_to ?? 0]).filter((seq) => seq > 0);
}

function checkReply(draft: Draft, sender: Sender, rowAt: (seq: number) => LogRow | undefined): Refusal | undefined {
  if (draft.reply_to === undefined) return undefined;
  const exists = draft.reply_to > sender.joinedSeq && rowAt(draft.reply_to) !== undefined;
  return exists ? undefined : refuse("invalid_argument", "reply_to: no such message");
}

/** Checks an amendment and notes what it changes; undefined when fine, or when the draft is none. */
function amend(
  draft: Draft,
  sender: Sender,
  at: { seq: number; ts: number; now: number },
  rowAt: (seq: number) => LogRow | undefined,
  amendedAt: (seq: number) => Amended | undefined,
  limits: AppendLimits,
  amended: Map<number, Amended>,
  erased: number[],
): Refusal | undefined {
  if (draft.kind !== "amend" || draft.target === undefined) return undefined;
  const target = draft.target > sender.joinedSeq ? rowAt(draft.target) : undefined;
  if (target === undefined) return refuse("not_found", "target: no such message");
  if (target.kind === "amend" || target.kind === "system") return refuse("invalid_argument", "target: not a message");
  const state = amendedAt(target.seq) ?? {};
  if (state.recalled) return refuse("not_found", "target: recalled");
  if (draft.op === "react" || draft.op === "unreact") {
    return react(draft, sender.uid, target.seq, state, amended);
  }
  if (target.from !== sender.uid) return refuse("permission_denied", "only its sender can change a message");
  if (draft.op === "edit") {
    const checked = encodeBody(target.kind, JSON.parse(draft.body));
    if (typeof checked !== "string") return checked;
    const edits = [...(state.edits ?? []), at.seq];
    if (edits.length > EDITS) return refuse("invalid_argument", "this message was edited too often");
    amended.set(target.seq, { ...state, body: draft.body, edited: { seq: at.seq, ts: at.ts }, edits });
    return undefined;
  }
  if (limits.recall_ms > 0 && at.now - target.ts > limits.recall_ms) {
    return refuse("permission_denied", "too late to recall this message");
  }
  erased.push(target.seq, ...(state.edits ?? []));
  amended.set(target.seq, { recalled: true });
  return undefined;
}

function react(
  draft: Draft,
  uid: Uid,
  target: number,
  state: Amended,
  amended: Map<number, Amended>,
): Refusal | undefined {
  const { emoji } = JSON.parse(draft.body) as { emoji: string };
  const reactions = new Map(Object.entries(state.reactions ?? {}));
  const others = (reactions.get(emoji) ?? []).filter((other) => other !== uid);
  if (draft.op === "react") others.push(uid);
  if (others.length > 0) reactions.set(emoji, others);
  else reactions.delete(emoji);
  if (reactions.size > REACTIONS) return refuse("invalid_argument", "too many different reactions on one message");
  const { reactions: _, ...rest } = state;
  const all = Object.fromEntries(reactions);
  if (draft.op === "react" && JSON.stringify(all).length > REACTION_CHARACTERS) {
    return refuse("too_large", "too many reactions on one message");
  }
  amended.set(target, reactions.size > 0 ? { ...rest, reactions: all } : rest);
  return undefined;
}
