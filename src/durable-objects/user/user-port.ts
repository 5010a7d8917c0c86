/**
 * What a user's decisions ask of the world. The shell carries it out over sockets and object calls, a simulation over
 * queues. Nothing here throws; an answer of `undefined` means that the call failed and its outcome is unknown.
 */
import type { Code, Refusal } from "../../protocol/codes.ts";
import type { Cid, Uid } from "../../protocol/ids.ts";
import type { Result } from "../../lib/result.ts";
import type { GroupHead } from "../group-rpc.ts";
import type { AppendReply, Draft, Page, PageQuery, Signal } from "../rpc.ts";
import type { Link } from "./links.ts";

export type Answer<T> = (answer: T | undefined, now: number) => void;

export interface UserPort {
  /** Text to a link; a link that is gone swallows it. */
  send(link: Link, text: string): void;
  /** Tells the edge to end the client's connection, and ends the link. */
  shut(link: Link, code: Extract<Code, "replaced" | "unauthenticated">): void;
  /** Ends a link whose session has a newer one. */
  drop(link: Link): void;
  /** Keeps what must survive hibernation with the link. */
  keep(link: Link): void;
  append(cid: Cid, have: number, taken: number, drafts: readonly Draft[], answer: Answer<AppendReply>): void;
  page(cid: Cid, query: PageQuery, answer: Answer<Result<Page, Refusal>>): void;
  count(cid: Cid, seq: number, answer: Answer<Result<number, Refusal>>): void;
  /** Tells a group this user's watermarks; false: not a member. */
  mark(cid: Cid, delivered: number, read: number, answer: Answer<boolean>): void;
  headOf(cid: Cid, answer: Answer<Result<GroupHead, Refusal>>): void;
  /** Tells the members of a group who are connected, or the other of a direct chat, by way of the conversation. */
  groupSignal(cid: Cid, signal: Signal): void;
  release(cid: Cid, ids: readonly string[], answer: Answer<true>): void;
  block(cid: Cid, on: boolean, answer: Answer<true>): void;
  receipt(to: Uid, cid: Cid, delivered: number, read: number, answer: Answer<boolean>): void;
  signal(to: Uid, signal: Signal, answer: Answer<boolean>): void;
  watch(target: Uid, on: boolean, answer: Answer<{ online: boolean; lastSeen: number }>): void;
  /** Display names of those users that exist. */
  names(uids: readonly Uid[], answer: Answer<ReadonlyMap<Uid, string>>): void;
  /** Wakes the object at a time even if it is not in memory then. */
  alarm(at: number): void;
  requestId(): string;
  /** In [0, 1). */
  chance(): number;
}
