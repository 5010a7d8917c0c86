/**
 * Prefix search as a range over a folded key. A range needs no pattern, so there is nothing to escape and an index always
 * serves it.
 */
import type { DirectoryPosition, FoundGroups, ListedGroup } from "./directory.ts";
import type { SearchPage, SearchPosition, User } from "./store.ts";

/** Folded texts that a search looks for: `from <= key < to`. */
export interface Range {
  readonly from: string;
  readonly to: string;
}

/** The key under which a name is found: compatibility forms and case do not matter. */
export function searchKey(text: string): string {
  return text.normalize("NFKC").toLowerCase().normalize("NFKC").trim();
}

/** Code points of a group's key: a folded name has up to 2,304, and an index of MySQL holds 3,072 bytes. */
export const DIRECTORY_KEY_CHARACTERS = 600;

/** The key of a group; "", which no search finds, when it is not to be found. */
export function directoryKey(group: Pick<ListedGroup, "name" | "open" | "dismissed">): string {
  if (!group.open || group.dismissed) return "";
  return Array.from(searchKey(group.name)).slice(0, DIRECTORY_KEY_CHARACTERS).join("");
}

/**
 * The range `from <= key < to` that holds exactly the keys beginning with `prefix`, in code point order; undefined for an
 * empty prefix. No key holds U+10FFFF, a noncharacter, so it stands above whatever follows the prefix.
 */
export function prefixRange(prefix: string): Range | undefined {
  return prefix === "" ? undefined : { from: prefix, to: `${prefix}\u{10FFFF}` };
}

/** What a driver asks its database for a page. */
export interface SearchQueries {
  /** Users with a username in the range, above `after` when it is given, by username. */
  byUsername(range: Range, after: string | undefined, limit: number): Promise<readonly User[]>;
  /** Users with a name in the range and a username outside, above `after`, by name key and id. */
  byName(
    range: Range,
    after: { readonly name: string; readonly id: string } | undefined,
    limit: number,
  ): Promise<readonly (User & { readonly nameKey: string })[]>;
}

/** One page of `Users.search`. */
export async function searchPage(
  queries: SearchQueries,
  text: string,
  after: SearchPosition | undefined,
  limit: number,
): Promise<SearchPage> {
  const range = prefixRange(searchKey(text));
  if (range === undefined) return { users: [] };
  const found: { user: User; position: SearchPosition }[] = [];
  // One more than asked for tells whether there is a next page.
  if (after?.by !== "name") {
    for (const user of await queries.byUsername(range, after?.username, limit + 1)) {
      found.push({ user, position: { by: "username", username: user.username ?? "" } });
    }
  }
  if (found.length <= limit) {
    const behind = after?.by === "name" ? after : undefined;
    for (const { nameKey, ...user } of await queries.byName(range, behind, limit + 1 - found.length)) {
      found.push({ user, position: { by: "name", name: nameKey, id: user.id } });
    }
  }
  const users = found.slice(0, limit).map((hit) => hit.user);
  const last = found[limit - 1];
  return found.length > limit && last !== undefined ? { users, next: last.position } : { users };
}

/** What a driver asks its database for groups: with a key in the range, above `after`, by key and id. */
export type FindGroups = (
  range: Range,
  after: DirectoryPosition | undefined,
  limit: number,
) => Promise<readonly (ListedGroup & { readonly nameKey: string })[]>;

/** One page of `Directory.search`. */
export async function directoryPage(
  find: FindGroups,
  text: string,
  after: DirectoryPosition | undefined,
  limit: number,
): Promise<FoundGroups> {
  const range = prefixRange(searchKey(text));
  if (range === undefined) return { groups: [] };
  // One more than asked for tells whether there is a next page.
  const found = await find(range, after, limit + 1);
  const groups = found.slice(0, limit).map(({ nameKey: _key, ...group }) => group);
  const last = found[limit - 1];
  return found.length > limit && last !== undefined
    ? { groups, next: { name: last.nameKey, id: last.id } }
    : { groups };
}
