/** What stands in a text: words, links, mentions. Texts never become markup: the page makes elements of these. Pure. */

export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly href: string }
  | { readonly kind: "mention"; readonly text: string; readonly user: string };

const LINK = /\bhttps?:\/\/[^\s<>"'`\p{Cc}\p{Zl}\p{Zp}]+/giu;
/** Signs that end a sentence, not a link. */
const TAIL = /[.,;:!?'"…。，；：！？、）】》」』]+$/u;

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
    parts.push(...mentionsIn(text.slice(end, index), mentioned), { kind: "link", text: shown, href });
    end = index + shown.length;
  }
  parts.push(...mentionsIn(text.slice(end), mentioned));
  return parts;
}

/** The address to go to, if it is one of the web; undefined for everything else. */
export function safeLink(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return undefined;
  // `https://bank.example@evil.example` reads as one and leads to the other.
  return url.username === "" && url.password === "" ? url.href : undefined;
}

function trimmed(link: string): string {
  const short = link.replace(TAIL, "");
  // A bracket that was opened before the link closes after it.
  return short.endsWith(")") && !short.includes("(") ? trimmed(short.slice(0, -1)) : short;
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

/** A text of nothing but one to three pictures. */
export function isEmoji(text: string): boolean {
  return /^\p{RGI_Emoji}{1,3}$/v.test(text);
}
