/** What somebody is called. Pure. */
import type { Texts } from "../i18n/en.ts";
import type { Card } from "./cards.ts";
import { visible } from "./name.ts";

/** Undefined when that is not known, or nothing can be seen of it. Who has deleted the account has no name any more. */
export function calledBy(
  card: Pick<Card, "name" | "deleted"> | undefined,
  t: Pick<Texts, "deletedAccount">,
): string | undefined {
  if (card?.deleted === true) return t.deletedAccount;
  return visible(card?.name) || undefined;
}
