/** What stands in a text: words, links, mentions. Texts never become markup: the page makes elements of these. Pure. */

export type Part =
  | { readonly kind: "text"; readonly text: string }
  /**
   * To be shown isolated, from left to right. `host`: where it leads, to be shown beside it, if that is not what is to be read: a
   * host may be written in letters that look like others.
   */
  | { readonly kind: "link"; readonly text: string; readonly href: string; readonly host?: string }
  | { readonly kind: "mention"; readonly text: string; readonly user: string };

/** A sign that says which way to read ends it: what follows would be shown in another order than it is meant. */
const LINK = /\bhttps?:\/\/[^\s<>"'`\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/giu;
/** Signs that end a sentence, not a link. */
const TAIL = ".,;:!?'\"…。，；：！？、）】》」』";

/** `mentioned`: who is mentioned, with the name under which. */
export function partsOf(
  text: string,
  mentioned: readonly { readonly user: string; readonly name: string }[] = [],
): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(LINK)) {
    const shown = trimmed(found);
    const href = safeLink(shown);
    if (href === undefined) continue;
    parts.push(...mentionsIn(text.slice(end, index), mentioned), {
      kind: "link",
      text: shown,
      href,
      ...hostIn(shown, href),
    });
    end = index + shown.length;
  }
  parts.push(...mentionsIn(text.slice(end), mentioned));
  return parts;
}

/** The address to go to, if it is one of the web; undefined for everything else. */
export function safeLink(text: string): string | undefined {
  // Browsers read `https:///example.org` as if the third stroke were not there.
  const url = /^https?:\/\/[^/\\]/i.test(text) ? URL.parse(text) : null;
  if (url === null) return undefined;
  // `https://bank.example@evil.example` reads as one and leads to the other.
  return url.username === "" && url.password === "" ? url.href : undefined;
}

function hostIn(shown: string, href: string): { readonly host?: string } {
  const { host } = new URL(href);
  return shown
    .toLowerCase()
    .replace(/^https?:\/\//, "")
    .startsWith(host)
    ? {}
    : { host };
}

function trimmed(link: string): string {
  // A bracket that was opened before the link closes after it.
  const tail = link.includes("(") ? TAIL : `${TAIL})`;
  let end = link.length;
  while (end > 0 && tail.includes(link.charAt(end - 1))) end -= 1;
  return link.slice(0, end);
}

function mentionsIn(text: string, mentioned: readonly { readonly user: string; readonly name: string }[]): Part[] {
  let parts: Part[] = text === "" ? [] : [{ kind: "text", text }];
  // Longest first, so that `@Ann` is not found in `@Anna`.
  for (const { user, name } of mentioned.toSorted((a, b) => b.name.length - a.name.length)) {
    if (name !== "")
      parts = parts.flatMap((part) => (part.kind === "text" ? split(part.text, `@${name}`, user) : [part]));
  }
  return parts;
}

function split(text: string, mention: string, user: string): Part[] {
  return text
    .split(mention)
    .flatMap((piece, index): Part[] => [
      ...(index > 0 ? [{ kind: "mention" as const, text: mention, user }] : []),
      ...(piece === "" ? [] : [{ kind: "text" as const, text: piece }]),
    ]);
}

/** What a message may have: characters, and bytes of its body. */
const CHARACTERS = 8192;
const BYTES = 16 * 1024;

/** How many characters there is room for after a text; less than 0: it is too long. */
export function roomLeft(text: string): number {
  // A character is at most six bytes of JSON: this cannot be near the end, and needs no counting.
  if (text.length < BYTES / 8) return CHARACTERS;
  const whole = text.trim();
  const bytes = new TextEncoder().encode(JSON.stringify({ text: whole })).length;
  // Those that do not fit for their bytes are mostly Chinese: three each.
  return Math.min(CHARACTERS - Array.from(whole).length, Math.floor((BYTES - bytes) / 3));
}

/** UTF-16 units; families and flags of regions have most. */
const LONGEST_EMOJI = 20;

/** A text of nothing but one to three pictures. */
export function isEmoji(text: string): boolean {
  // Looking for pictures in words takes milliseconds; what has none in it is seen at once. A keycap ends with U+20E3.
  if (text.length > LONGEST_EMOJI * 3 || !/[\p{Extended_Pictographic}\p{Regional_Indicator}\u20E3]/u.test(text))
    return false;
  return /^\p{RGI_Emoji}{1,3}$/v.test(text);
}
