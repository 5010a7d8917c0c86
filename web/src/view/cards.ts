/** Names of people as they are remembered, and when they are asked again. Pure. */

export interface Card {
  readonly name: string;
  readonly username: string | null;
  /** The account was deleted. */
  readonly deleted?: boolean | undefined;
  /** When it was asked, ms since the epoch. */
  readonly at: number;
}

const REMEMBERED = 500;
const DAY_MS = 86_400_000;

/** Whether to ask for somebody's card: there is none, or it is a day old. */
export function isOld(card: Card | undefined, now: number): boolean {
  return card === undefined || now - card.at > DAY_MS || card.at > now;
}

/** The cards to keep, those asked last. */
export function keptOf(cards: ReadonlyMap<string, Card>): readonly (readonly [string, Card])[] {
  return [...cards].toSorted(([, a], [, b]) => a.at - b.at).slice(-REMEMBERED);
}

/** Cards as they were kept; what is none is left out. */
export function cardsOf(value: unknown): Map<string, Card> {
  const cards = new Map<string, Card>();
  if (!Array.isArray(value)) return cards;
  for (const one of value as readonly unknown[]) {
    const [user, card] = (Array.isArray(one) ? (one as readonly unknown[]) : []) as readonly [
      unknown?,
      (Partial<Card> | null)?,
    ];
    if (typeof user !== "string" || typeof card?.name !== "string" || typeof card.at !== "number") continue;
    const { name, username, deleted, at } = card;
    cards.set(user, {
      name,
      username: typeof username === "string" ? username : null,
      ...(deleted === true && { deleted }),
      at,
    });
  }
  return cards;
}
