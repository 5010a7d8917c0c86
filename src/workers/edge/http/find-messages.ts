/**
 * Search in the messages of one user. The user's object says where to look, the store what is there, and before anything is shown
 * each conversation says whether it is this user's to see, and what has become of it (SEC1).
 */
import { err, ok, type Result } from "../../../lib/result.ts";
import type { Searchable } from "../../../durable-objects/rpc.ts";
import type { Refusal } from "../../../protocol/codes.ts";
import { kindOf, type Cid, type Uid } from "../../../protocol/ids.ts";
import { highlights, mergedPage, type Highlight } from "../../../store/message-search.ts";
import type { FoundMessage } from "../../../store/messages.ts";
import { searchableText, termsOf, type Term } from "../../../store/search-tokens.ts";
import type { Services } from "../../env.ts";
import { ask, askFor } from "./ask.ts";
import { mayBelongTo, NOT_MEMBER, veiled } from "./membership.ts";
import type { MessagePosition } from "./search-cursor.ts";

/** Conversations that are searched together, those that changed last first; one has more of them seldom. */
const TOGETHER = 500;
/** How often one request goes on when what it found was not enough. */
const ROUNDS = 4;

export interface Search {
  readonly text: string;
  /** Only in this conversation. */
  readonly cid: Cid | undefined;
  readonly position: MessagePosition;
  readonly limit: number;
}

export interface Hit {
  readonly message: FoundMessage;
  readonly highlights: readonly Highlight[];
}

/** One page of a search, newest first within each 500 conversations. */
export async function findMessages(
  services: Services,
  uid: Uid,
  { text, cid, position, limit }: Search,
): Promise<Result<{ found: readonly Hit[]; next?: MessagePosition }, Refusal>> {
  const query = termsOf(text);
  const found: Hit[] = [];
  let at: MessagePosition | undefined = position;
  for (let round = 0; at !== undefined && round < ROUNDS && found.length < limit; round += 1) {
    const range: Result<Searchable, Refusal> = await (cid === undefined
      ? mine(services, uid, at)
      : alone(services, uid, cid));
    if (!range.ok) return range;
    const { where, from }: Searchable = range.value;
    const [room, after] = [limit - found.length, at.after];
    const pages = await Promise.all(services.histories.map((messages) => messages.search(text, where, after, room)));
    const page = mergedPage(pages, room);
    const confirmed = await confirm(services, uid, query, page.found);
    if (!confirmed.ok) return confirmed;
    found.push(...confirmed.value);
    if (page.next !== undefined) at = { below: at.below, from, after: page.next };
    else at = from === undefined ? undefined : { below: from };
  }
  return ok(at === undefined ? { found } : { found, next: at });
}

/** Some of this user's conversations. */
function mine(services: Services, uid: Uid, { below, from }: MessagePosition): Promise<Result<Searchable, Refusal>> {
  return ask(() => services.user(uid).searchable({ below, from }, TOGETHER));
}

/** A conversation alone, if it is this user's. */
async function alone(services: Services, uid: Uid, cid: Cid): Promise<Result<Searchable, Refusal>> {
  if (!mayBelongTo(cid, uid)) return err(NOT_MEMBER);
  if (kindOf(cid) !== "group") return ok({ where: [{ cid, floor: 0 }] });
  const group = veiled(await askFor(() => services.conversation(cid).confirm(uid, [])));
  return group.ok ? ok({ where: [{ cid, floor: group.value.floor }] }) : group;
}

/** Those that are this user's to see and in which the query stands as they are now; each conversation is asked once. */
async function confirm(
  services: Services,
  uid: Uid,
  query: readonly Term[],
  found: readonly FoundMessage[],
): Promise<Result<Hit[], Refusal>> {
  const hits = new Map<FoundMessage, Hit>();
  const answers = await Promise.all(
    [...Map.groupBy(found, ({ cid }) => cid)].map(async ([cid, of]) => {
      const seqs = of.map(({ seq }) => seq);
      const answer = await askFor(() => services.conversation(cid).confirm(uid, seqs));
      if (!answer.ok) return answer.error.code === "not_member" ? undefined : answer.error;
      const amended = new Map(answer.value.amended.map((change) => [change.seq, change.amended]));
      for (const stored of of) {
        if (stored.seq <= answer.value.floor) continue;
        const message = { ...stored, amended: amended.get(stored.seq) ?? stored.amended };
        const places = highlights(query, searchableText(message) ?? "");
        if (places !== undefined) hits.set(stored, { message, highlights: places });
      }
      return undefined;
    }),
  );
  const refusal = answers.find((answer) => answer !== undefined);
  return refusal === undefined ? ok(found.flatMap((message) => hits.get(message) ?? [])) : err(refusal);
}
