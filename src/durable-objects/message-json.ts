/** Log entries as the JSON of the wire. Bodies are spliced as the text they are stored as: serialised once, at the edge. */
import type { Cid } from "../protocol/ids.ts";
import type { Entry } from "./rpc.ts";

/** What amendments have made of an entry so far. */
export interface Amended {
  /** JSON text of the newest body. */
  readonly body?: string;
  readonly edited?: { readonly seq: number; readonly ts: number };
  /** Seqs of the edits, whose bodies a recall erases too. */
  readonly edits?: readonly number[];
  readonly recalled?: true;
  readonly reactions?: Readonly<Record<string, readonly string[]>>;
}

/**
 * The fields of a message, without braces. Ids, uids and kinds are of alphabets that need no escaping (ids.ts).
 * An entry of a countable kind without a body is one whose text was erased.
 */
export function messageFields(cid: Cid, entry: Entry, amended?: Amended): string {
  const recalled = amended?.recalled === true || (entry.body === "" && entry.kind !== "amend");
  const body = recalled ? "" : (amended?.body ?? entry.body);
  let json = `"cid":"${cid}","seq":${entry.seq},"id":"${entry.id}","from":"${entry.from}","ts":${entry.ts},"kind":"${entry.kind}"`;
  if (body !== "") json += `,"body":${body}`;
  json += `,"priority":${entry.priority}`;
  if (entry.reply_to !== undefined) json += `,"reply_to":${entry.reply_to}`;
  if (entry.mentions !== undefined) json += `,"mentions":${JSON.stringify(entry.mentions)}`;
  if (entry.target !== undefined) json += `,"target":${entry.target}`;
  if (entry.op !== undefined) json += `,"op":"${entry.op}"`;
  if (recalled) json += `,"recalled":true`;
  else if (amended?.edited !== undefined) json += `,"edited":${JSON.stringify(amended.edited)}`;
  if (amended?.reactions !== undefined) json += `,"reactions":${JSON.stringify(amended.reactions)}`;
  return json;
}

/** A `message` frame. */
export function messageFrame(cid: Cid, entry: Entry, version: number): string {
  return `{"t":"message",${messageFields(cid, entry)},"version":${version}}`;
}
