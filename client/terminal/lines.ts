/** Messages as lines of text. */
import type { Device, GroupChange, Message, SystemEvent } from "../src/mpim.ts";
import type { People } from "./people.ts";

const TICKS: Readonly<Record<string, string>> = {
  pending: " …",
  sending: " …",
  sent: " ✓",
  delivered: " ✓✓",
  read: " ✓✓ read",
  failed: " ✗",
};

/** One message, with its position, who wrote it, and how far it has come if that was oneself. */
export async function lineOf(message: Message, people: People): Promise<string> {
  const { seq, from, edited, recalled, reactions, state, replyTo, error, ephemeral } = message;
  const place = ephemeral ? "~" : seq === undefined ? "-" : `${seq}`;
  const answer = replyTo === undefined ? "" : `(to ${replyTo}) `;
  const text = recalled ? "(taken back)" : message.kind === "system" ? await event(message, people) : textOf(message);
  const marks = Object.entries(reactions).map(([emoji, users]) => `  ${emoji} ${users.length}`);
  const end = `${edited === undefined ? "" : " (edited)"}${marks.join("")}${state === undefined ? "" : (TICKS[state] ?? "")}`;
  const why = error === undefined ? "" : ` ${error.message}`;
  if (message.kind === "system") return `[${place}] * ${text}`;
  return `[${place}] ${await people.name(from)}: ${answer}${text}${end}${why}`;
}

/** A device in a list. */
export function deviceLine(number: number, device: Device): string {
  const seen = device.online ? "online" : `last seen ${new Date(device.lastSeen).toLocaleString()}`;
  const own = device.thisDevice ? ", this one" : device.current ? ", your login" : "";
  return `${number}. ${nameOf(device)} – ${seen}${own}`;
}

/** What a device calls itself. */
export function nameOf({ name, platform, id }: Device): string {
  return platform === "" ? name || id : `${name || id} (${platform})`;
}

function textOf({ kind, text, body }: Message): string {
  return kind === "text" ? text : `<${kind}> ${JSON.stringify(body)}`;
}

async function event({ body, from }: Message, people: People): Promise<string> {
  const happened = (body ?? {}) as SystemEvent;
  const who = await people.name(from);
  switch (happened.event) {
    case "created":
      return `${who} made the group ${happened.name}`;
    case "member_added":
      return `${who} added ${await all(happened.users, people)}`;
    case "member_joined":
      return `${await all(happened.users, people)} joined`;
    case "member_removed": {
      const whom = await all(happened.users, people);
      return happened.users.includes(from) ? `${whom} left` : `${who} removed ${whom}`;
    }
    case "renamed":
      return `${who} renamed the group to ${happened.name}`;
    case "changed":
      return `${who} changed the group: ${changes(happened).join("; ")}`;
    case "role_changed":
      return `${who} made ${await people.name(happened.user)} ${happened.role}`;
    case "owner_changed":
      return `${who} made ${await people.name(happened.user)} owner`;
    case "member_muted": {
      const whom = await people.name(happened.user);
      if (happened.until === 0) return `${who} lets ${whom} write again`;
      return `${who} muted ${whom} until ${new Date(happened.until).toLocaleString()}`;
    }
    case "contact_request": {
      const note = happened.message ?? "";
      return `${who} asks to be your contact${note === "" ? "" : `: ${note}`}  (/accept ${who} or /reject ${who})`;
    }
    case "contact_accepted":
      return `${who} is your contact now`;
    case "dismissed":
      return `${who} dismissed the group`;
    default:
      return "(this version does not know what happened)";
  }
}

async function all(users: readonly string[], people: People): Promise<string> {
  return (await people.names(users)).join(", ");
}

function changes(change: GroupChange): string[] {
  const { description, announcement, join, history, read_only: readOnly, muted } = change;
  const lines = {
    [`description: ${description}`]: description !== undefined,
    [`announcement: ${announcement}`]: announcement !== undefined,
    "everybody may join": join === "open",
    "who is invited may join": join === "invite",
    "new members see all of it": history === "all",
    "new members see what comes": history === "join",
    "only admins write": readOnly === true || muted === true,
    "all members write": readOnly === false || muted === false,
  };
  return Object.entries(lines).flatMap(([line, so]) => (so ? [line] : []));
}
