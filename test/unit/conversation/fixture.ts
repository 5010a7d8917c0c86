/** A direct chat of alice and bob on a disk in memory, and drafts for it. */
import { Conversation } from "../../../src/durable-objects/conversation/conversation.ts";
import { ConversationStore } from "../../../src/durable-objects/conversation/conversation-store.ts";
import type { Draft, DraftResult, Page, PageQuery } from "../../../src/durable-objects/rpc.ts";
import { parseConfig, type Config } from "../../../src/config/config.ts";
import type { Cid, DeviceId, Uid } from "../../../src/protocol/ids.ts";
import { openSqlite, type Sqlite } from "../../support/sqlite.ts";

export const ALICE = "alice" as Uid;
export const BOB = "bob" as Uid;
export const CHAT = "d.alice.bob" as Cid;
export const CONFIG = parseConfig(undefined);
export const DAY = CONFIG.messages.dedup_ms;

/** A time that is later than any window reaches back. */
export const START = 1_800_000_000_000;

/** A draft; by default a text that says its id. */
export function draft(id: string, change: Partial<Draft> = {}): Draft {
  return {
    id,
    device: "phone" as DeviceId,
    kind: "text",
    body: JSON.stringify({ text: id }),
    priority: 1,
    qos: 1,
    ...change,
  };
}

/** An amendment of the entry at a seq. */
export function amendment(id: string, op: NonNullable<Draft["op"]>, target: number, body?: unknown): Draft {
  return draft(id, { kind: "amend", op, target, body: body === undefined ? "" : JSON.stringify(body) });
}

/** The result as one word: `1`, `1 again`, or the code of the refusal. */
export function word(result: DraftResult | undefined): string {
  if (result === undefined) return "nothing";
  if ("refusal" in result) return result.refusal.code;
  return result.duplicate ? `${result.seq} again` : String(result.seq);
}

export class Chat {
  readonly db: Sqlite;
  readonly config: Config;
  store: ConversationStore;
  core: Conversation;
  now = START;

  constructor(config: Config = CONFIG) {
    this.db = openSqlite();
    this.config = config;
    this.store = new ConversationStore(this.db.sql, this.db.transact);
    this.core = new Conversation(CHAT, this.store, config, this.now, false);
    this.core.create([ALICE, BOB], "main");
  }

  /** Memory is gone, the disk stays. */
  restart(armed = false): void {
    this.store = new ConversationStore(this.db.sql, this.db.transact);
    this.core = new Conversation(CHAT, this.store, this.config, this.now, armed);
  }

  append(uid: Uid, ...drafts: Draft[]): string[] {
    const { reply } = this.core.append(uid, this.core.head, 0, drafts, this.now);
    return reply.results.map(word);
  }

  /** The newest page as its reader sees it. */
  page(uid: Uid = ALICE): Record<string, unknown>[] {
    return this.pageOf({ limit: 200 }, uid).messages.map((text) => JSON.parse(text) as Record<string, unknown>);
  }

  /** A page of a log that nothing has left. */
  pageOf(query: PageQuery, uid: Uid = ALICE): Page {
    const plan = this.core.page(uid, query);
    if (!plan.ok) throw new Error(plan.error.code);
    if (plan.value.away !== undefined) throw new Error("it has left");
    return plan.value.finish([]);
  }

  /** Everything that the log says, for the whole of it. */
  log(): ReturnType<ConversationStore["range"]> {
    return this.store.range(0, Number.MAX_SAFE_INTEGER, 1_000_000);
  }
}
