/** Messages as lines of text. */
import type { Device, Message } from "../src/mpim.ts";
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
  const {
    event: what = "",
    users = [],
    name = "",
    user = "",
    role = "",
    message: note = "",
  } = (body ?? {}) as {
    event?: string;
    users?: string[];
    name?: string;
    user?: string;
    role?: string;
    message?: string;
  };
  const who = await people.name(from);
  const whom = (await people.names(users)).join(", ");
  switch (what) {
    case "created":
      return `${who} made the group ${name}`;
    case "member_added":
      return `${who} added ${whom}`;
    case "member_joined":
      return `${whom} joined`;
    case "member_removed":
      return users.includes(from) ? `${whom} left` : `${who} removed ${whom}`;
    case "renamed":
      return `${who} renamed the group to ${name}`;
    case "role_changed":
      return `${who} made ${await people.name(user)} ${role}`;
    case "contact_request":
      return `${who} asks to be your contact${note === "" ? "" : `: ${note}`}  (/accept ${who} or /reject ${who})`;
    case "contact_accepted":
      return `${who} is your contact now`;
    case "dismissed":
      return `${who} dismissed the group`;
    default:
      return `${who}: ${what}`;
  }
}
