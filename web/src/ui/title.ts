/** What a chat is called. */
import type { Conversation } from "../../../client/src/mpim.ts";
import type { Texts } from "../i18n/en.ts";
import type { Home } from "../state/use.ts";

export function titleOf({ type, name, peer }: Conversation, home: Home, t: Texts): string {
  if (type === "system") return t.notices;
  if (type === "group") return name === "" ? t.group : name;
  return (peer === undefined ? undefined : home.people.card(peer)?.name) ?? (name === "" ? t.unknownUser : name);
}
