/**
 * How a text is found: the words that are looked for in it, and the tokens by which a database finds them.
 *
 * Databases differ in what they take for a word, which words they leave out, and which letters they take for the same. So they
 * get tokens of our own making, ASCII letters and digits only, and never a text. A token begins with a hash of its
 * conversation: a search reads what stands under the conversations that it may look into, and nothing of any other. Two
 * conversations may share a hash, and two words a token, so whoever finds something by tokens looks at the text itself.
 *
 * - A word is a run of letters and digits. It is found as a whole, or by its beginning.
 * - A script that writes no blanks between words (Chinese, Japanese, Thai …), and Korean, whose words end in particles, is kept as pairs of
 *   neighbours, so any part of a run is found. So are pictographs.
 */
import { hash64 } from "../lib/hash.ts";
import type { Cid } from "../protocol/ids.ts";
import type { StoredChange, StoredMessage } from "./messages.ts";

/** A word, or a run of a script without blanks, folded; with the place of each of its characters in the text it is from. */
export interface Term {
  readonly script: "words" | "runs";
  readonly characters: readonly string[];
  /** UTF-16 units from where to where; what one character of the text folds to shares its place. */
  readonly places: readonly (readonly [from: number, to: number])[];
}

/** What folds together: a character with its marks, or the letters of Korean syllables. */
const FOLDED_TOGETHER = /[\uac00-\ud7a3]?[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]+|\P{M}\p{M}*|\p{M}+/gu;
const IGNORED = /\p{Default_Ignorable_Code_Point}/gu;
const ASCII_WORD = /^[a-z0-9]$/;
const WORD = /^[\p{L}\p{M}\p{N}]$/u;
const RUN =
  /^(?:(?=[\p{L}\p{M}\p{N}])[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]|\p{Extended_Pictographic})$/u;

/** Compatibility forms and case do not matter, nor does what nobody sees. Accents do. */
function fold(text: string): string {
  // By capitals, so that ß is ss and both forms of sigma are one.
  return text.normalize("NFKC").replace(IGNORED, "").toUpperCase().toLowerCase().normalize("NFKC");
}

/** The terms of a text, in its order. */
export function termsOf(text: string): Term[] {
  const terms: Term[] = [];
  let open: { script: Term["script"]; characters: string[]; places: [number, number][] } | undefined;
  for (const { 0: together, index } of text.matchAll(FOLDED_TOGETHER)) {
    for (const character of fold(together)) {
      const script = scriptOf(character);
      if (script === undefined) {
        open = undefined;
        continue;
      }
      if (open?.script !== script) {
        open = { script, characters: [], places: [] };
        terms.push(open);
      }
      open.characters.push(character);
      open.places.push([index, index + together.length]);
    }
  }
  return terms;
}

function scriptOf(character: string): Term["script"] | undefined {
  if (ASCII_WORD.test(character)) return "words";
  if (RUN.test(character)) return "runs";
  return WORD.test(character) ? "words" : undefined;
}

/** InnoDB keeps no token of over 84 characters; longer words are found by what they begin with. */
const WORD_CHARACTERS = 72;
const HASH_CHARACTERS = 7;
const HASHES = 36 ** HASH_CHARACTERS;

/** What the tokens of a conversation begin with. */
export function tokenPrefix(cid: Cid): string {
  const [high, low] = hash64(cid);
  // 52 of the 64 bits: a number holds no more exactly.
  const bits = high * 0x10_0000 + (low >>> 12);
  return (bits % HASHES).toString(36).padStart(HASH_CHARACTERS, "0");
}

/** One token, without its conversation. */
function wordToken({ characters }: Pick<Term, "characters">): string {
  let token = "w";
  for (const character of characters) {
    const next = ASCII_WORD.test(character) ? character : digitsOf(character);
    if (token.length + next.length > WORD_CHARACTERS) break;
    token += next;
  }
  return token;
}

/** Four digits hold any code point. */
function digitsOf(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(36).padStart(4, "0");
}

function pairs(digits: readonly string[]): string[] {
  return digits.slice(0, -1).map((digit, i) => `c${digit}${digits[i + 1]}`);
}

/** The tokens of a text in a conversation, each once. */
export function textTokens(cid: Cid, text: string): string {
  const tokens = new Set<string>();
  for (const term of termsOf(text)) {
    if (term.script === "words") {
      tokens.add(wordToken(term));
      continue;
    }
    const digits = term.characters.map(digitsOf);
    for (const pair of pairs(digits)) tokens.add(pair);
    // The last has no neighbour, and is found by the beginning of a pair like any other.
    tokens.add(`c${digits.at(-1)}`);
  }
  const prefix = tokenPrefix(cid);
  return Array.from(tokens, (token) => prefix + token).join(" ");
}

/** How many tokens of a query a database is asked for; what it finds is compared with the whole query. */
const ASKED_TOKENS = 8;

export interface AskedToken {
  readonly token: string;
  /** Whatever begins with it is looked for, too. */
  readonly beginning: boolean;
}

/** The tokens, without their conversation, that every text has in which a query is found; the longest, which are rarest. */
export function askedTokens(query: readonly Term[]): AskedToken[] {
  const asked = new Map<string, AskedToken>();
  for (const [i, term] of query.entries()) {
    const digits = term.characters.map(digitsOf);
    if (term.script === "words") add(wordToken(term), i === query.length - 1);
    else if (digits.length === 1) add(`c${digits[0]}`, true);
    else for (const pair of pairs(digits)) add(pair, false);
  }
  return [...asked.values()].toSorted((a, b) => b.token.length - a.token.length).slice(0, ASKED_TOKENS);

  function add(token: string, beginning: boolean): void {
    asked.set(beginning ? `${token}*` : token, { token, beginning });
  }
}

type Searchable = Pick<StoredMessage, "body" | "amended"> & { readonly kind: string };

/** The text that a message is found by; "" when there is none any more; undefined for kinds that never have one. */
export function searchableText(message: Searchable): string | undefined {
  const { kind, body, amended } = message;
  const field = kind === "text" ? "text" : ATTACHMENTS.has(kind) ? "name" : undefined;
  if (field === undefined) return undefined;
  if (amended?.recalled === true || body === "") return "";
  const newest = JSON.parse(amended?.body ?? body) as Readonly<Record<string, unknown>> | null;
  const text = newest?.[field];
  return typeof text === "string" ? text : "";
}

/** Found by the name of what is attached. */
const ATTACHMENTS: ReadonlySet<string> = new Set(["image", "file", "audio", "video"]);

/** The tokens of a message; "" and undefined as above. */
export function messageTokens(cid: Cid, message: Searchable): string | undefined {
  const text = searchableText(message);
  return text === undefined ? undefined : textTokens(cid, text);
}

/** The tokens of an entry that has changed; undefined when they are what they were: only an edit or an erasure changes them. */
export function changedTokens(cid: Cid, kind: string, { amended, erased }: StoredChange): string | undefined {
  if (erased || amended?.recalled === true) return messageTokens(cid, { kind, body: "" });
  return amended?.body === undefined ? undefined : messageTokens(cid, { kind, body: amended.body, amended });
}
