/** Between messages and the rows that drivers keep of them. */
import type { Amended } from "../durable-objects/message-json.ts";
import { rareOf, type Entry } from "../durable-objects/rpc.ts";
import type { Cid, Uid } from "../protocol/ids.ts";
import type { StoredMessage } from "./messages.ts";

/** A row as both databases have it, but for what finds its words. */
export interface MessageRow {
  readonly cid: Cid;
  readonly seq: number;
  readonly id: string;
  readonly sender: Uid;
  readonly ts: number;
  readonly kind: string;
  readonly priority: number;
  readonly count: number;
  /** JSON text; "" = none, or erased. */
  readonly body: string;
  /** JSON of the fields that most messages lack; "" = none. */
  readonly extra: string;
  /** JSON of `Amended`; "" = none. */
  readonly amended: string;
  readonly rev: number;
}

/** The row of a message. Bodies are JSON text, in which no half of a surrogate pair stands alone, so any database keeps them. */
export function rowOf(cid: Cid, rev: number, message: StoredMessage): MessageRow {
  const { seq, id, from, ts, kind, body, priority, count, amended } = message;
  const rare = JSON.stringify(rareOf(message));
  const extra = rare === "{}" ? "" : rare;
  return { cid, seq, id, sender: from, ts, kind, priority, count, body, extra, amended: amendedText(amended), rev };
}

/** The message of a row. */
export function messageOf(row: Omit<MessageRow, "cid" | "rev">): StoredMessage {
  const { seq, id, sender, ts, kind, priority, count, body, extra, amended } = row;
  const entry = { seq, id, from: sender, ts, kind: kind as Entry["kind"], body, priority, count };
  const rare = extra === "" ? {} : (JSON.parse(extra) as Pick<Entry, "reply_to" | "mentions" | "target" | "op">);
  return { ...entry, ...rare, ...(amended === "" ? {} : { amended: JSON.parse(amended) as Amended }) };
}

/** What is kept of amendments. */
export function amendedText(amended: Amended | undefined): string {
  return amended === undefined ? "" : JSON.stringify(amended);
}
