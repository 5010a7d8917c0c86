/** Search in messages: what drivers share, and where the words of a query stand in a text. */
import type { FoundMessage, FoundMessages, FoundPosition, Searched } from "./messages.ts";
import { askedTokens, searchableText, termsOf, tokenPrefix, type AskedToken, type Term } from "./search-tokens.ts";

/** UTF-16 units of a text, from where to where. */
export type Highlight = readonly [from: number, to: number];

/** Conversations of one statement. */
const CONVERSATIONS = 250;

/** What a driver asks its database: messages that have the tokens, newest first, behind `after`. It may find more than there is. */
export type FindCandidates = (
  part: readonly Searched[],
  tokens: readonly AskedToken[],
  after: FoundPosition | undefined,
  limit: number,
) => Promise<readonly FoundMessage[]>;

/** One page of `Messages.search`. */
export async function foundPage(
  find: FindCandidates,
  text: string,
  conversations: readonly Searched[],
  after: FoundPosition | undefined,
  limit: number,
): Promise<FoundMessages> {
  const query = termsOf(text);
  if (query.length === 0) return { found: [] };
  const tokens = askedTokens(query);
  const asked: Promise<readonly FoundMessage[]>[] = [];
  for (let i = 0; i < conversations.length; i += CONVERSATIONS) {
    // One more than asked for tells whether there is a next page.
    asked.push(find(conversations.slice(i, i + CONVERSATIONS), tokens, after, limit + 1));
  }
  const candidates = (await Promise.all(asked)).flat().toSorted(newestFirst);
  const page = candidates.slice(0, limit);
  const found = page.filter((message) => highlights(query, searchableText(message) ?? "") !== undefined);
  const last = page.at(-1);
  if (candidates.length <= limit || last === undefined) return { found };
  return { found, next: positionOf(last) };
}

/** One page of the pages that several stores gave for the same search: as far as all of them have looked. */
export function mergedPage(pages: readonly FoundMessages[], limit: number): FoundMessages {
  const [frontier] = pages.flatMap(({ next }) => next ?? []).toSorted(newestFirst);
  const all = pages.flatMap(({ found }) => found).toSorted(newestFirst);
  const seen = frontier === undefined ? all : all.filter((message) => newestFirst(message, frontier) <= 0);
  const found = seen.slice(0, limit);
  const last = found.at(-1);
  if (seen.length > limit && last !== undefined) return { found, next: positionOf(last) };
  return frontier === undefined ? { found } : { found, next: frontier };
}

function positionOf({ ts, cid, seq }: FoundPosition): FoundPosition {
  return { ts, cid, seq };
}

/** The order of what is found: the newest first, by ids where times are the same. */
export function newestFirst(a: FoundPosition, b: FoundPosition): number {
  if (a.ts !== b.ts) return b.ts - a.ts;
  if (a.cid !== b.cid) return a.cid < b.cid ? 1 : -1;
  return b.seq - a.seq;
}

/** For each conversation, the tokens under its prefix. */
export function tokensOf(part: readonly Searched[], tokens: readonly AskedToken[]): AskedToken[][] {
  return part.map(({ cid }) => {
    const prefix = tokenPrefix(cid);
    return tokens.map(({ token, beginning }) => ({ token: prefix + token, beginning }));
  });
}

/** Where the terms of a query stand in a text, in its order, without overlaps; undefined unless every one stands there. */
export function highlights(query: readonly Term[], text: string): Highlight[] | undefined {
  const terms = termsOf(text);
  const places: Highlight[] = [];
  const looked = new Set<string>();
  for (const [i, wanted] of query.entries()) {
    const open = wanted.script === "runs" || i === query.length - 1;
    // Looking twice for one term shows nothing new, and may cost as much again for each of many.
    const what = `${wanted.script} ${open} ${wanted.characters.join("")}`;
    if (looked.has(what)) continue;
    looked.add(what);
    const found: [number, number][] = [];
    for (const term of terms) {
      if (term.script !== wanted.script) continue;
      const most = wanted.script === "runs" ? term.characters.length - wanted.characters.length : 0;
      for (let at = 0; at <= most; at += 1) {
        if (!open && term.characters.length !== wanted.characters.length) continue;
        if (!standsAt(term.characters, at, wanted.characters)) continue;
        const [from] = term.places[at] as Highlight;
        const [, to] = term.places[at + wanted.characters.length - 1] as Highlight;
        extend(found, from, to);
      }
    }
    if (found.length === 0) return undefined;
    for (const place of found) places.push(place);
  }
  return joined(places);
}

function standsAt(characters: readonly string[], at: number, wanted: readonly string[]): boolean {
  for (let n = 0; n < wanted.length; n += 1) if (characters[at + n] !== wanted[n]) return false;
  return true;
}

/** Adds a place that begins where the last does or later. */
function extend(places: [number, number][], from: number, to: number): void {
  const last = places.at(-1);
  if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
  else places.push([from, to]);
}

function joined(places: readonly Highlight[]): Highlight[] {
  const made: [number, number][] = [];
  for (const [from, to] of places.toSorted((a, b) => a[0] - b[0])) extend(made, from, to);
  return made;
}
