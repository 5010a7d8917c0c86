/**
 * `npm run demo`: Alice, Bob with two devices and a late Carol chat on a running server. Every line is printed by the device
 * that has just seen what it says, so the demo is a check, too: it ends with code 1 at the first thing that does not happen.
 */
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { Api } from "../test/support/api.ts";
import { cake } from "./demo/group.ts";
import { Person, type Device, type Sent } from "./demo/stage.ts";

const HELP = `npm run demo -- [options]

  --url URL   address of the server (http://127.0.0.1:8787)
  --help      this text`;

const devices: Device[] = [];
let chapters = 0;

try {
  const { values } = parseArgs({
    options: { url: { type: "string", default: "http://127.0.0.1:8787" }, help: { type: "boolean", default: false } },
  });
  if (values.help) console.log(HELP);
  else await play(new Api(values.url.replace(/\/+$/, "")));
} catch (error) {
  console.error(`\nthe demo failed: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  await Promise.all(devices.map(({ client }) => client.close()));
}

async function play(api: Api): Promise<void> {
  await findServer(api);
  // Accounts of its own for every run: it can be repeated on a server that has data.
  const run = randomBytes(3).toString("hex");
  const join = async (name: string): Promise<Person> =>
    new Person(name, await api.register(`${name.toLowerCase()}-${run}`, name), api);
  const [alice, bob, carol] = [await join("Alice"), await join("Bob"), await join("Carol")];
  console.log(`Alice, Bob and Carol have made accounts on ${api.url}`);

  chapter("Alice and Bob come online, Bob with two devices");
  const phone = await connect(alice.device("phone"));
  const bobPhone = await connect(bob.device("phone"));
  const bobLaptop = await connect(bob.device("laptop"));
  phone.client.write({ t: "watch", users: [bob.uid, carol.uid] });
  await phone.finds(bob, "online");
  await phone.finds(carol, "offline");

  chapter("Alice writes to Bob; he reads it on one device and answers from the other");
  const lunch = await phone.write(bob, "Lunch at noon?");
  await bobPhone.gets(alice, lunch);
  await bobLaptop.gets(alice, lunch);
  await phone.ticks(bob, lunch, "delivered");
  await bobPhone.unread(alice, lunch.cid, 1);
  bobPhone.reads(alice, lunch.cid);
  await phone.ticks(bob, lunch, "read");
  await bobLaptop.unread(alice, lunch.cid, 0);
  await typing(bobLaptop, phone, lunch.cid);
  const answer = await bobLaptop.write(alice, "Noon is fine, the usal place");
  await phone.gets(bob, answer);
  await bobPhone.gets(bob, answer);

  chapter("Bob mends a typo, Alice reacts, and takes something back");
  await amend(bobLaptop, [phone, bobPhone], answer, "edit", { text: "Noon is fine, the usual place" });
  await amend(phone, [bobLaptop, bobPhone], answer, "react", { emoji: "👍" });
  const slip = await phone.write(bob, "(meant for somebody else)");
  await bobPhone.gets(alice, slip);
  await amend(phone, [bobPhone, bobLaptop], slip, "recall");

  chapter("Both write to Carol, who is not there: sent, but not delivered");
  const toCarol = [await phone.write(carol, "Are you coming?"), await phone.write(carol, "We meet at noon")];
  const fromBob = await bobPhone.write(carol, "There is cake");
  phone.waits(carol, toCarol[1] as Sent);
  bobPhone.waits(carol, fromBob);

  chapter("Carol comes at last, and has everything");
  const tablet = await connect(carol.device("tablet"));
  await phone.finds(carol, "online");
  await tablet.unread(alice, toCarol[0]?.cid ?? "", 2);
  await tablet.unread(bob, fromBob.cid, 1);
  for (const message of toCarol) await tablet.gets(alice, message);
  await tablet.gets(bob, fromBob);
  await phone.ticks(carol, toCarol[1] as Sent, "delivered");
  tablet.reads(bob, fromBob.cid);
  await bobPhone.ticks(carol, fromBob, "read");
  await tablet.unread(alice, toCarol[0]?.cid ?? "", 2);
  await tablet.unread(bob, fromBob.cid, 0);

  chapter("Carol's train enters a tunnel: nothing gets lost in it, and nothing doubled");
  tablet.client.drop();
  await tablet.sees("end of the connection", () => tablet.client.closed);
  tablet.says("no connection");
  const waiting = tablet.put(alice, "On my way!");
  tablet.says("to Alice: On my way!   … waits in the outbox");
  const last = await phone.write(carol, "We keep you a seat");
  await tablet.connect();
  tablet.says("connected again");
  const onMyWay = await tablet.sentAtLast(alice, "On my way!", waiting);
  await tablet.gets(alice, last);
  await phone.gets(carol, onMyWay);
  await tablet.unread(alice, last.cid, 0);

  chapter("Alice makes a group for the cake; it gets a better name, and Carol has to leave it");
  await cake(phone, bobLaptop, tablet);

  chapter("What is on the server, by its HTTP API");
  for (const [who, device, cid] of [
    [alice, phone, lunch.cid],
    [carol, tablet, last.cid],
  ] as const) {
    const entries = await api.history<{ seq: number }>(cid, who.account.token, 3);
    const seqs = entries.map(({ seq }) => seq);
    const held = [...(device.client.chats.get(cid)?.log.keys() ?? [])];
    if (seqs.join() !== held.join()) throw new Error(`${device.label} has ${held.join()}, the server ${seqs.join()}`);
    device.says(`entries ${seqs.join(" ")}, on the server as on the device`);
  }
  console.log("\nEverything arrived, once and in order. What was said on the wire is in PROTOCOL.md.");
}

async function findServer(api: Api): Promise<void> {
  const answers = await api.call("GET /readyz").then(
    ({ status }) => status === 200,
    () => false,
  );
  if (!answers) throw new Error(`no server answers at ${api.url}; start one with \`npm start\`, or give its --url`);
}

function chapter(title: string): void {
  console.log(`\n${(chapters += 1)}. ${title}`);
}

async function connect(device: Device): Promise<Device> {
  devices.push(device);
  await device.connect();
  device.says("connected");
  return device;
}

async function typing(from: Device, to: Device, cid: string): Promise<void> {
  for (const on of [true, false]) {
    from.client.write({ t: "typing", cid, on });
    await to.sees(`typing ${on ? "on" : "off"}`, () => {
      return to.client.frames.findLast((frame) => frame.t === "typing" && frame["cid"] === cid)?.["on"] === on;
    });
    to.says(on ? `${from.owner.name} is typing …` : `${from.owner.name} has stopped typing`);
  }
}

/** Amends a message; all devices show it then as the one that amended it. */
async function amend(
  from: Device,
  others: readonly Device[],
  message: Sent,
  op: string,
  body?: unknown,
): Promise<void> {
  const before = from.shows(message);
  from.client.amend(message.cid, message.seq, op, crypto.randomUUID(), body);
  await from.sees(`${op} of "${message.text}"`, () => from.client.outbox.size === 0 && from.shows(message) !== before);
  from.says(`${{ edit: "edits", react: "reacts to", recall: "recalls" }[op] ?? op}: ${before}`);
  for (const device of others) {
    await device.sees(`${op} of "${message.text}"`, () => device.shows(message) === from.shows(message));
    device.says(`now shows: ${device.shows(message)}`);
  }
}
