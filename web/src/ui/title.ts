/** What a chat is called. */
import type { Conversation } from "../../../client/src/mpim.ts";
import type { Texts } from "../i18n/en.ts";
import type { Home } from "../state/use.ts";
import { calledBy } from "../view/called.ts";
import { visible } from "../view/name.ts";

/** `shown`: somebody sees it, so that the name is worth asking for. */
export function titleOf({ type, name, peer }: Conversation, { people }: Home, t: Texts, shown = true): string {
  if (type === "system") return t.notices;
  if (type === "group") return visible(name) || t.group;
  const card = peer === undefined ? undefined : shown ? people.card(peer) : people.known(peer);
  return calledBy(card, t) ?? (visible(name) || t.unknownUser);
}
