/**
 * Prefix search as a range over a folded key. A range needs no pattern, so there is nothing to escape and an index always
 * serves it.
 */

/** The key under which a name is found: compatibility forms and case do not matter. */
export function searchKey(text: string): string {
  return text.normalize("NFKC").toLowerCase().normalize("NFKC").trim();
}

/**
 * The range `from <= key < to` that holds exactly the keys beginning with `prefix`, in code point order; undefined for an
 * empty prefix. No key holds U+10FFFF, a noncharacter, so it stands above whatever follows the prefix.
 */
export function prefixRange(prefix: string): { readonly from: string; readonly to: string } | undefined {
  return prefix === "" ? undefined : { from: prefix, to: `${prefix}\u{10FFFF}` };
}
