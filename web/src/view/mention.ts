/** Completing `@name` while writing. Pure. */

export interface Person {
  readonly user: string;
  readonly name: string;
}

/** What is being completed: from `from` (the `@`) to the caret. */
export interface Asked {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

const LONGEST = 40;
const SHOWN = 6;

/** The mention at the caret, if one is begun there. */
export function askedAt(text: string, caret: number): Asked | undefined {
  const from = text.slice(0, caret).lastIndexOf("@");
  if (from < 0 || caret - from > LONGEST) return undefined;
  const before = from === 0 ? " " : (text[from - 1] ?? " ");
  const begun = text.slice(from + 1, caret);
  // An address of mail is no mention.
  if (/[\p{L}\p{N}_.-]/u.test(before) || /\n|\s$/.test(begun) || begun.split(" ").length > 3) return undefined;
  return { from, to: caret, text: begun };
}

/** Who may be meant: names that begin so, then names with a word that does. */
export function candidates(people: readonly Person[], text: string): readonly Person[] {
  const wanted = text.toLocaleLowerCase();
  const rank = ({ name }: Person): number => {
    const lower = name.toLocaleLowerCase();
    if (lower.startsWith(wanted)) return 0;
    return lower.split(/\s+/).some((word) => word.startsWith(wanted)) ? 1 : 2;
  };
  return people
    .map((person) => ({ person, at: rank(person) }))
    .filter(({ at }) => at < 2)
    .toSorted((a, b) => a.at - b.at || a.person.name.localeCompare(b.person.name))
    .slice(0, SHOWN)
    .map(({ person }) => person);
}

/** The text with the mention completed, and the caret after it. */
export function complete(
  text: string,
  { from, to }: Asked,
  name: string,
): { readonly text: string; readonly caret: number } {
  const mention = `@${name} `;
  const rest = text.slice(to).replace(/^ /, "");
  return { text: text.slice(0, from) + mention + rest, caret: from + mention.length };
}

/** What the server takes. */
const MOST = 100;
/** Such a letter begins a word wherever it stands. */
const NO_SPACES = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}]/u;

/**
 * Who is mentioned by the text, the longest name at each `@`: of those whose names were completed all that have it, else the one
 * of those who are `known` that has it, if it is one.
 */
export function mentionedIn(text: string, completed: readonly Person[], known: readonly Person[]): readonly string[] {
  const found = new Set<string>();
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    const named = (people: readonly Person[], typed: boolean): readonly Person[] => {
      const here = people.filter(({ name }) => name !== "" && text.startsWith(name, at + 1));
      const most = Math.max(0, ...here.map(({ name }) => name.length));
      if (typed && !standsAlone(text, at, at + 1 + most)) return [];
      return here.filter(({ name }) => name.length === most);
    };
    const chosen = named(completed, false);
    const meant = new Set(named(known, true).map(({ user }) => user));
    if (chosen.length > 0) for (const { user } of chosen) found.add(user);
    else if (meant.size === 1) for (const user of meant) found.add(user);
  }
  return [...found].slice(0, MOST);
}

function standsAlone(text: string, from: number, to: number): boolean {
  const before = from === 0 ? " " : (text[from - 1] ?? " ");
  const after = String.fromCodePoint(text.codePointAt(to) ?? 32);
  return !/[\p{L}\p{N}_.-]/u.test(before) && (!/[\p{L}\p{N}_]/u.test(after) || NO_SPACES.test(after));
}
