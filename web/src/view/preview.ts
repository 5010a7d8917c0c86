/** Messages in one line: for the list of chats, for quotes, and what happened to a group. Pure. */
import type { Message } from "../../../client/src/message.ts";
import type { Texts } from "../i18n/en.ts";
import { straight } from "./name.ts";

export interface Names {
  /** Somebody's name; of oneself, "You". */
  (user: string): string;
}

const SHOWN_NAMES = 3;
const LENGTH = 160;

/** A message without its author. */
export function previewOf(message: Message, t: Texts, name: Names): string {
  if (message.recalled) return message.mine ? t.youRecalled : t.recalled;
  switch (message.kind) {
    case "text":
      return shorten(message.text);
    case "system":
      return eventText(message, t, name);
    case "image":
    case "file":
    case "audio":
    case "video":
      return attachmentName(message.body) ?? t.attachment;
    case "custom":
      return t.unsupported;
  }
}

export function attachmentName(body: unknown): string | undefined {
  const name = (body as { name?: unknown } | undefined)?.name;
  return typeof name === "string" && name !== "" ? shorten(name) : undefined;
}

/** What a `system` entry tells. */
export function eventText({ from, body }: Message, t: Texts, name: Names): string {
  const { event, users, user, name: title, role, until } = (body ?? {}) as Readonly<Record<string, unknown>>;
  const who = name(from);
  const whom = namesOf(Array.isArray(users) ? users : [user], t, name);
  switch (event) {
    case "created":
      return t.event.created(who, text(title));
    case "member_added":
      return t.event.added(who, whom);
    case "member_removed":
      return Array.isArray(users) && users.length === 1 && users[0] === from
        ? t.event.left(who)
        : t.event.removed(who, whom);
    case "member_joined":
      return t.event.joined(whom);
    case "renamed":
      return t.event.renamed(who, text(title));
    case "changed":
      return t.event.changed(who);
    case "role_changed":
      return t.event.role(who, whom, t.roles[role === "admin" || role === "owner" ? role : "member"]);
    case "owner_changed":
      return t.event.owner(who, whom);
    case "member_muted":
      return until === 0 ? t.event.unmuted(who, whom) : t.event.muted(who, whom);
    case "dismissed":
      return t.event.dismissed(who);
    case "contact_request":
      return t.event.request(whom);
    case "contact_accepted":
      return t.event.accepted(whom);
    default:
      return t.event.other;
  }
}

function namesOf(users: readonly unknown[], t: Texts, name: Names): string {
  const known = users.filter((user) => typeof user === "string");
  return t.listOf(
    known.slice(0, SHOWN_NAMES).map((user) => (name(user) === t.you ? t.yourself : name(user))),
    Math.max(0, known.length - SHOWN_NAMES),
  );
}

function text(value: unknown): string {
  return typeof value === "string" ? straight(value) : "";
}

/** A text in one line. */
export function shorten(whole: string): string {
  const line = straight(whole).replaceAll(/\s+/g, " ").trim();
  return line.length > LENGTH ? `${line.slice(0, LENGTH)}…` : line;
}
