/** What can be typed. */
import { MpimError } from "../src/mpim.ts";
import { deviceLine, lineOf, nameOf } from "./lines.ts";
import type { Terminal } from "./terminal.ts";

export interface Command {
  /** How it is written. */
  readonly usage: string;
  readonly help: string;
  /** `args`: the words after the name; `rest`: the text after the first of them. */
  readonly run: (terminal: Terminal, args: readonly string[], rest: string) => Promise<void> | void;
}

const SHOWN = 20;

export const COMMANDS: Readonly<Record<string, Command>> = {
  help: {
    usage: "/help",
    help: "this list",
    run: (terminal) => {
      for (const { usage, help } of Object.values(COMMANDS)) terminal.print(`  ${usage.padEnd(34)} ${help}`);
      terminal.print("  anything else is sent to the chat that is open");
    },
  },
  register: {
    usage: "/register USERNAME [NAME]",
    help: "make an account; asks for a password",
    run: async (terminal, [username = ""], name) => terminal.register(username, name === "" ? username : name),
  },
  login: {
    usage: "/login USERNAME",
    help: "log in; asks for the password",
    run: async (terminal, [username = ""]) => terminal.login(username),
  },
  logout: {
    usage: "/logout",
    help: "end the login, forget its messages here",
    run: async (terminal) => terminal.logout(),
  },
  devices: {
    usage: "/devices",
    help: "where you are logged in",
    run: async (terminal) => {
      terminal.listed = await terminal.chat.devices.list();
      for (const [i, device] of terminal.listed.entries()) terminal.print(deviceLine(i + 1, device));
    },
  },
  signout: {
    usage: "/signout NUMBER | others",
    help: "end the login of a device of that list, or all other logins",
    run: async (terminal, [which = ""]) => {
      const { devices } = terminal.chat;
      if (which === "others") {
        await devices.signOutOthers();
        return terminal.print("signed out everywhere else");
      }
      const device = terminal.listed[Number(which) - 1];
      if (device === undefined) throw new MpimError("invalid_argument", "give a number of the list of /devices");
      if (device.current) throw new MpimError("invalid_argument", "this is your own login: /logout ends it");
      await devices.signOut(device.id);
      return terminal.print(`signed out ${nameOf(device)}`);
    },
  },
  list: {
    usage: "/list",
    help: "your chats and groups, with what is unread",
    run: async (terminal) => {
      const { chat, people } = terminal;
      for (const room of chat.conversations) {
        const unread = room.unread === 0 ? "" : ` (${room.unread} unread)`;
        const last = room.last === undefined ? "" : `  ${await lineOf(room.last, people)}`;
        terminal.print(`${await people.title(room)}${unread}${last}`);
      }
      if (chat.conversations.length === 0) terminal.print("none yet: /chat USERNAME begins one");
    },
  },
  chat: {
    usage: "/chat USERNAME | #GROUP | ID",
    help: "open a chat: what you type goes there",
    run: async (terminal, [what = ""], more) => terminal.open(await terminal.people.conversation(joined(what, more))),
  },
  history: {
    usage: "/history [COUNT]",
    help: `the last messages of the open chat (${SHOWN})`,
    run: async (terminal, [count = String(SHOWN)]) => {
      const { room, people } = terminal;
      const wanted = Math.max(1, Number(count) || SHOWN);
      while (room.messages.length < wanted && (await room.older(Math.min(200, wanted))));
      for (const message of room.messages.slice(-wanted)) terminal.print(await lineOf(message, people));
    },
  },
  reply: {
    usage: "/reply NUMBER TEXT",
    help: "answer a message",
    run: (terminal, [number], text) => terminal.send({ text, replyTo: seqOf(number) }),
  },
  edit: {
    usage: "/edit NUMBER TEXT",
    help: "change a message of yours",
    run: async (terminal, [number], text) => void (await terminal.room.edit(seqOf(number), text).sent()),
  },
  recall: {
    usage: "/recall NUMBER",
    help: "take a message of yours back",
    run: async (terminal, [number]) => void (await terminal.room.recall(seqOf(number)).sent()),
  },
  react: {
    usage: "/react NUMBER EMOJI",
    help: "react to a message",
    run: async (terminal, [number, emoji = "👍"]) => void (await terminal.room.react(seqOf(number), emoji).sent()),
  },
  search: {
    usage: "/search WORDS",
    help: "find messages",
    run: async (terminal, args) => {
      const { items } = await terminal.chat.search(args.join(" "));
      for (const { message } of items) {
        const room = await terminal.chat.conversation(message.cid);
        terminal.print(`${await terminal.people.title(room)} ${await lineOf(message, terminal.people)}`);
      }
      if (items.length === 0) terminal.print("nothing found");
    },
  },
  find: {
    usage: "/find BEGINNING",
    help: "people whose name begins so",
    run: async (terminal, [beginning = ""]) => {
      const { items } = await terminal.chat.users.search(beginning);
      for (const { username, name, id } of items) terminal.print(`${username ?? id} (${name})`);
      if (items.length === 0) terminal.print("nobody");
    },
  },
  contacts: {
    usage: "/contacts",
    help: "your contacts and open requests",
    run: async (terminal) => {
      const words = { contact: "", requested: " – asked", incoming: " – asks you", none: "" } as const;
      let empty = true;
      let cursor: string | undefined;
      do {
        const page = await terminal.chat.contacts.list({ cursor });
        for (const { user, state, message } of page.items) {
          empty = false;
          const text = message === undefined || message === "" ? "" : `: ${message}`;
          terminal.print(`${user.username ?? user.id} (${user.name})${words[state]}${text}`);
        }
        cursor = page.next;
      } while (cursor !== undefined);
      if (empty) terminal.print("none yet: /add USERNAME asks somebody");
    },
  },
  add: {
    usage: "/add USERNAME [MESSAGE]",
    help: "ask somebody to be your contact",
    run: async (terminal, [who = ""], message) => {
      const { chat, people } = terminal;
      const { state } = await chat.contacts.request((await people.find(who)).id, message === "" ? undefined : message);
      terminal.print(state === "contact" ? `${who} is a contact now` : `asked ${who}`);
    },
  },
  accept: { usage: "/accept USERNAME", help: "say yes to a request", run: contact("accept", "is a contact now") },
  reject: { usage: "/reject USERNAME", help: "say no to a request", run: contact("reject", "was told no") },
  remove: { usage: "/remove USERNAME", help: "end a contact", run: contact("remove", "is no contact any more") },
  block: {
    usage: "/block USERNAME",
    help: "hear nothing of somebody any more",
    run: async (terminal, [who = ""]) => {
      const { chat, people } = terminal;
      await chat.blocks.add((await people.find(who)).id);
      terminal.print(`blocked ${who}`);
    },
  },
  unblock: {
    usage: "/unblock USERNAME",
    help: "the opposite",
    run: async (terminal, [who = ""]) => {
      const { chat, people } = terminal;
      await chat.blocks.remove((await people.find(who)).id);
      terminal.print(`no longer blocked: ${who}`);
    },
  },
  groups: {
    usage: "/groups",
    help: "your groups",
    run: async (terminal) => {
      const { items } = await terminal.chat.groups.list({ limit: 50 });
      for (const { id, name, members, role } of items) terminal.print(`#${name}  ${members} members, ${role}  ${id}`);
      if (items.length === 0) terminal.print("none yet: /create NAME makes one");
    },
  },
  discover: {
    usage: "/discover BEGINNING",
    help: "open groups whose name begins so",
    run: async (terminal, args) => {
      const { items } = await terminal.chat.groups.search(args.join(" "));
      for (const { id, name, members } of items) terminal.print(`#${name}  ${members} members  ${id}`);
      if (items.length === 0) terminal.print("none");
    },
  },
  create: {
    usage: "/create NAME [USERNAME…]",
    help: "make a group, and open it",
    run: async (terminal, [name = "", ...others]) => {
      const members = await terminal.people.finds(others);
      await terminal.open(await terminal.chat.createGroup({ name, ...(members.length > 0 && { members }) }));
      terminal.print(`#${name} is ${terminal.room.cid}`);
    },
  },
  join: {
    usage: "/join ID",
    help: "join an open group, and open it",
    run: async (terminal, [id = ""]) => terminal.open(await terminal.chat.joinGroup(id)),
  },
  invite: {
    usage: "/invite USERNAME…",
    help: "add people to the open group",
    run: async ({ room, people }, who) => void (await room.invite(...(await people.finds(who)))),
  },
  kick: {
    usage: "/kick USERNAME",
    help: "remove somebody from the open group",
    run: async ({ room, people }, [who = ""]) => room.remove((await people.find(who)).id),
  },
  members: {
    usage: "/members",
    help: "who is in the open group",
    run: async (terminal) => {
      const { items, next } = await terminal.room.members({ limit: 1000 });
      for (const { user, role } of items) terminal.print(`${await terminal.people.name(user)} (${role})`);
      if (next !== undefined) terminal.print("…");
    },
  },
  rename: {
    usage: "/rename NAME",
    help: "rename the open group",
    run: async ({ room }, args) => void (await room.change({ name: args.join(" ") })),
  },
  openup: {
    usage: "/openup",
    help: "let everybody join the open group who knows its id",
    run: async ({ room }) => void (await room.change({ join: "open" })),
  },
  leave: {
    usage: "/leave",
    help: "leave the open group",
    run: async (terminal) => terminal.part(async (room) => room.leave()),
  },
  dismiss: {
    usage: "/dismiss",
    help: "end the open group, for all",
    run: async (terminal) => terminal.part(async (room) => room.dismiss()),
  },
  quit: { usage: "/quit", help: "leave; what is not sent yet is sent next time", run: (terminal) => terminal.quit() },
};

function contact(what: "accept" | "reject" | "remove", done: string): Command["run"] {
  return async (terminal, [who = ""]) => {
    const { chat, people } = terminal;
    await chat.contacts[what]((await people.find(who)).id);
    terminal.print(`${who} ${done}`);
  };
}

function seqOf(text: string | undefined): number {
  const seq = Number(text);
  if (!Number.isInteger(seq) || seq < 1)
    throw new MpimError("invalid_argument", "give the number of a message, as in [7]");
  return seq;
}

function joined(first: string, more: string): string {
  return more === "" ? first : `${first} ${more}`;
}
