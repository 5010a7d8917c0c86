/** A few people chat over links that break, on devices that crash; a seed decides all of it. */
import { seeded } from "../../support/random.ts";
import { FakeDevice } from "./device.ts";
import { FakeServer } from "./server.ts";

export interface Outcome {
  /** What is not as it should be. */
  readonly faults: string[];
  readonly stats: {
    sent: number;
    cuts: number;
    crashes: number;
    amendments: number;
    resets: number;
    restores: number;
    retries: number;
  };
}

export interface Options {
  readonly steps: number;
  readonly catchUp: number;
  readonly keep: number;
  /** The server refuses nothing for overload: then what one device writes keeps its order. */
  readonly calm?: boolean;
  /** Somebody sets the clocks of the devices, by up to two days either way. */
  readonly clocks?: boolean;
  /** The server is put back to a backup now and then: what it has then is all there is. */
  readonly restores?: boolean;
  /** The server refuses for good, leaves out answers and takes short frames only; messages have a time to live, and people try again. */
  readonly harsh?: boolean;
}

const CHATS: readonly (readonly [cid: string, users: readonly string[]])[] = [
  ["d.a.b", ["a", "b"]],
  ["g.00000000000000000000000001", ["a", "b", "c"]],
];

/** Runs one seed to the end, mends everything, and looks. */
export function simulate(seed: number, options: Options): Outcome {
  const random = seeded(seed);
  const upTo = (n: number): number => Math.floor(random() * n);
  let healed = false;
  const calm = options.calm === true;
  const harsh = options.harsh === true;
  const server = new FakeServer({ calm, harsh, once: (n) => !healed && random() < 1 / n });
  for (const [cid, users] of CHATS) server.chat(cid, users);
  const devices = [
    ["a", "a1"],
    ["a", "a2"],
    ["b", "b1"],
    ["c", "c1"],
  ].map(([user = "", id = ""]) => new FakeDevice(user, id, server, random, options));
  const stats = { sent: 0, cuts: 0, crashes: 0, amendments: 0, resets: 0, restores: 0, retries: 0 };
  const faults: string[] = [];
  /** Texts whose turn is in the store, by device and chat, in the order of writing. */
  const written = new Map<string, string[]>();
  /** Ids of amendments, by device, chat and target, in the order of writing. */
  const amended = new Map<string, string[]>();
  let now = 1e10;
  server.now = now;
  for (const device of devices) device.start(now);

  const write = (device: FakeDevice): void => {
    const [cid] = CHATS.filter(([, users]) => users.includes(device.user))[upTo(2)] ?? CHATS[1] ?? [""];
    if (device.core.user === undefined) return;
    stats.sent += 1;
    const text = `${device.id} ${stats.sent}`;
    const id = device.newId();
    const more = harsh ? ([{}, { ttl: 1 }, { qos: 2 }, { body: { text: "x".repeat(2_000) } }] as const)[upTo(4)] : {};
    const frame = { t: "send", id, to: cid, kind: "text", body: { text }, ...more } as const;
    device.act((core, at) => core.send(cid, frame, at), now);
    device.flush();
    if (frame.body.text !== text) return;
    written.set(`${device.id} ${cid}`, [...(written.get(`${device.id} ${cid}`) ?? []), text]);
  };
  /** What has failed is tried again, or dropped where that cannot help. */
  const retry = (device: FakeDevice, cid: string): void => {
    if (device.core.user === undefined) return;
    for (const { key, state, error } of device.messages(cid)) {
      if (state !== "failed") continue;
      stats.retries += 1;
      const own = key.slice(key.indexOf("/") + 1);
      device.act((core, at) => (error?.code === "too_large" ? core.discard(own, at) : core.again(own, at)), now);
      device.flush();
    }
  };
  const amend = (device: FakeDevice): void => {
    const [cid] = CHATS[upTo(2)] ?? [""];
    if (device.core.user === undefined || !device.core.state.rooms.has(cid)) return;
    const targets = device.messages(cid).filter(({ seq }) => seq !== undefined);
    const target = targets[upTo(targets.length)];
    if (target?.seq === undefined) return;
    const op = (["edit", "recall", "react", "unreact", "react"] as const)[upTo(5)] ?? "react";
    if ((op === "edit" || op === "recall") && !target.mine) return;
    if (op === "recall" && upTo(4) > 0) return;
    stats.amendments += 1;
    const body = op === "edit" ? { text: `${target.text}!` } : op === "recall" ? {} : { body: undefined };
    const emoji = ["+", "-"][upTo(2)];
    const id = device.newId();
    const frame = {
      t: "amend",
      id,
      cid,
      target: target.seq,
      op,
      body: op.endsWith("react") ? { emoji } : body,
    } as const;
    device.act((core, at) => core.amend(cid, frame, at), now);
    device.flush();
    const about = `${device.id} ${cid} ${target.seq}`;
    amended.set(about, [...(amended.get(about) ?? []), id]);
  };
  const read = (device: FakeDevice): void => {
    const [cid] = CHATS[upTo(2)] ?? [""];
    if (device.core.user === undefined || !device.core.state.rooms.has(cid)) return;
    device.act((core, at) => core.read(cid, upTo(2) === 0 ? undefined : upTo(20), at), now);
  };

  const look = (device: FakeDevice): void => {
    const [cid] = CHATS[upTo(2)] ?? [""];
    if (device.core.user !== undefined && device.core.state.rooms.has(cid)) device.shown(cid);
  };

  const versions = new Map<FakeDevice, number>();
  let tickets = 0;
  const page = (device: FakeDevice): void => {
    const [cid] = CHATS[upTo(2)] ?? [""];
    if (device.core.user === undefined || !device.core.state.rooms.has(cid)) return;
    device.messages(cid);
    tickets += 1;
    if (device.core.state.room(cid).log.low > 1) {
      device.act((core, at) => core.older(cid, 1 + upTo(8), tickets, at), now);
      // Somebody else wants them, too.
      if (upTo(2) === 0) device.act((core, at) => core.older(cid, 4, -tickets, at), now);
    }
  };
  /** Ids of what was handled, by device, chat and place. */
  const handled = new Map<string, string>();
  const handle = (device: FakeDevice): void => {
    const [cid] = CHATS[upTo(2)] ?? [""];
    if (device.core.user === undefined || !device.core.state.rooms.has(cid)) return;
    device.messages(cid);
    const { held } = device.core.state.room(cid).log;
    const { seq = 0, id = "" } = held[upTo(held.length)]?.entry ?? {};
    device.act(({ state }) => state.handled(cid, seq), now);
    if (seq > 0 && device.core.state.room(cid).handled === seq) handled.set(`${device.id} ${cid} ${seq}`, id);
  };

  for (let step = 0; step < options.steps; step += 1) {
    now += upTo(40);
    server.now = now;
    const device = devices[upTo(devices.length)] as FakeDevice;
    const kind = upTo(100);
    if (kind < 12) write(device);
    else if (kind < 18) {
      // Of a lost amendment whose place another has taken nothing tells.
      if (options.restores !== true) amend(device);
    } else if (kind < 21) read(device);
    else if (kind === 21) page(device);
    else if (kind === 22) device.act((core, at) => core.hurry(at), now);
    else if (kind === 96) handle(device);
    else if (kind > 96) look(device);
    else if (kind === 95 && harsh) retry(device, CHATS[upTo(2)]?.[0] ?? "");
    else if (kind < 24) {
      stats.cuts += 1;
      device.cut(now);
    } else if (kind < 25) {
      stats.crashes += 1;
      device.crash(now, upTo(4));
    } else if (kind < 26 && options.clocks === true) device.skew = (upTo(97) - 48) * 3_600_000;
    else if (kind < 27 && options.restores === true && upTo(8) === 0) {
      server.restore((cid) => upTo((server.chats.get(cid)?.log.length ?? 0) + 1));
      for (const one of devices) one.cut(now);
      stats.restores += 1;
    } else if (kind < 30) device.flush();
    else if (kind < 45) device.open(now);
    else if (kind < 65) device.sendUp(1 + upTo(5));
    else if (kind < 90) device.down(1 + upTo(6), now);
    else {
      now += upTo(300);
      device.tick(now);
    }
    for (const one of devices) {
      if (one.link !== undefined && upTo(20) === 0) server.flush(one.link);
      faults.push(...disorder(one, seed, options.restores));
      const version = one.core.user === undefined ? 0 : one.core.state.me.version;
      if (kind !== 24 && options.restores !== true && version < (versions.get(one) ?? 0))
        faults.push(`${one.id} forgot version ${versions.get(one)}`);
      versions.set(one, version);
    }
  }

  healed = true;
  for (let quiet = 0; quiet < 200; quiet += 1) {
    now += 500;
    server.now = now;
    for (const device of devices) {
      device.tick(now);
      device.open(now);
      if (device.link !== undefined) server.flush(device.link);
      device.sendUp(1000);
      device.down(1000, now);
      if (harsh) for (const [cid] of CHATS) retry(device, cid);
      device.flush();
    }
  }
  for (const device of devices) {
    stats.resets += device.told.filter(({ type }) => type === "reset").length;
    faults.push(...disorder(device, seed, options.restores), ...compare(device, server));
    for (const [cid, room] of device.core.state.rooms) {
      const [had, has] = [
        handled.get(`${device.id} ${cid} ${room.handled}`),
        server.chats.get(cid)?.log[room.handled - 1],
      ];
      if (had !== undefined && had !== has?.id)
        faults.push(`${device.id} ${cid}: ${room.handled} counts as handled, and is another`);
    }
  }
  if (options.restores !== true) faults.push(...lost(server, written, calm));
  // With clocks that are set, ids are changed.
  if (options.clocks !== true) faults.push(...swapped(server, amended));
  for (const device of devices) faults.push(...stale(device, now));
  return { faults, stats };
}

/** What applications are told: each place once, and in order; `reset` begins anew. */
function disorder(device: FakeDevice, seed: number, restores = false): string[] {
  const last = new Map<string, number>();
  const faults: string[] = [];
  for (const event of device.told) {
    if (event.type === "reset" && restores) last.delete(event.cid);
    if (event.type !== "message" || event.message.seq === undefined) continue;
    const before = last.get(event.cid) ?? 0;
    if (event.message.seq <= before)
      faults.push(`seed ${seed}: ${device.id} was told ${event.message.seq} after ${before}`);
    last.set(event.cid, event.message.seq);
  }
  return faults;
}

/** In the end a device shows what the server has. */
function compare(device: FakeDevice, server: FakeServer): string[] {
  const faults: string[] = [];
  if (!device.core.link.online) return [`${device.id} is not online`];
  if (device.core.state.outbox.waiting > 0) faults.push(`${device.id} has ${device.core.state.outbox.waiting} unsent`);
  if (device.outbox().length > 0) faults.push(`${device.id} would send ${device.outbox().join()} again`);
  for (const [cid, users] of CHATS) {
    const chat = server.chats.get(cid);
    if (chat === undefined || !users.includes(device.user) || chat.log.length === 0) continue;
    const room = device.core.state.room(cid);
    const failed = device.messages(cid).filter(({ state }) => state === "failed");
    if (failed.length > 0)
      faults.push(`${device.id} ${cid}: failed ${failed.map(({ text, error }) => `${text} ${error?.code}`).join()}`);
    if (JSON.stringify(device.shown(cid)) !== JSON.stringify(device.messages(cid)))
      faults.push(`${device.id} ${cid}: changed without an event`);
    const shown = device.messages(cid).filter(({ state }) => state !== "failed");
    const view = server.view(cid).filter(({ seq }) => seq >= room.log.low);
    const seen = shown.map(({ seq, body, recalled, reactions }) => [seq, body ?? null, recalled, sorted(reactions)]);
    const want = view.map(({ seq, body, recalled, reactions }) => [
      seq,
      body ?? null,
      recalled ?? false,
      sorted(reactions),
    ]);
    if (JSON.stringify(seen) !== JSON.stringify(want)) {
      faults.push(`${device.id} ${cid}: shows ${JSON.stringify(seen)}, not ${JSON.stringify(want)}`);
    }
    if (room.log.applied !== chat.log.length)
      faults.push(`${device.id} ${cid}: at ${room.log.applied} of ${chat.log.length}`);
    // All of a user's devices are there, and have acknowledged.
    const delivered = chat.members.get(device.user)?.delivered;
    const theirs = chat.log.findLast(({ from }) => from !== device.user)?.seq ?? 0;
    if ((delivered ?? 0) < theirs) faults.push(`${device.id} ${cid}: acknowledged ${delivered} of ${theirs}`);
    const unread = server.unread(cid, device.user);
    if (room.unread !== unread) faults.push(`${device.id} ${cid}: ${room.unread} unread, not ${unread}`);
    if (cid.startsWith("d.")) {
      const peer = [...chat.members].find(([user]) => user !== device.user)?.[1];
      for (const { seq, state, mine } of shown) {
        if (!mine || seq === undefined || peer === undefined) continue;
        const tick = seq <= peer.read ? "read" : seq <= peer.delivered ? "delivered" : "sent";
        if (state !== tick) faults.push(`${device.id} ${cid}: ${seq} is ${state}, not ${tick}`);
      }
    }
  }
  return faults;
}

/** Started anew without any news: who looks before the store is read sees all of it afterwards. */
function stale(device: FakeDevice, now: number): string[] {
  device.flush();
  device.crash(now, 0);
  return [...device.core.state.rooms.keys()].flatMap((cid) => {
    device.shown(cid);
    const messages = device.messages(cid);
    return device.shown(cid).length === messages.length ? [] : [`${device.id} ${cid}: reading it was not told`];
  });
}

/** What was written is in the log once; `ordered`: what one device wrote in its order. */
function lost(server: FakeServer, written: ReadonlyMap<string, readonly string[]>, ordered: boolean): string[] {
  const faults: string[] = [];
  for (const [key, texts] of written) {
    const [, cid = ""] = key.split(" ");
    // As it was written: amendments have entries of their own.
    const log = (server.chats.get(cid)?.log ?? []).flatMap(({ kind, body }) =>
      kind === "text" ? [(body as { text: string }).text] : [],
    );
    const places = texts.map((text) => {
      const times = log.filter((other) => other === text).length;
      if (times !== 1) faults.push(`${key}: "${text}" is in the log ${times} times`);
      return log.indexOf(text);
    });
    if (ordered && places.some((place, index) => place < (places[index - 1] ?? 0))) {
      faults.push(`${key}: ${texts.join()} are at ${places.join()}`);
    }
  }
  return faults;
}

/** Of what one device writes about one message, the last wins. */
function swapped(server: FakeServer, amended: ReadonlyMap<string, readonly string[]>): string[] {
  return [...amended].flatMap(([key, ids]) => {
    const log = server.chats.get(key.split(" ")[1] ?? "")?.log ?? [];
    const places = ids.map((id) => log.findIndex((entry) => entry.id === id)).filter((place) => place >= 0);
    const swaps = places.some((place, index) => place < (places[index - 1] ?? 0));
    return swaps ? [`${key}: amendments are at ${places.join()}`] : [];
  });
}

function sorted(reactions: Readonly<Record<string, readonly string[]>> = {}): unknown {
  return Object.entries(reactions)
    .map(([emoji, users]) => [emoji, users.toSorted()])
    .toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
}
