/** What must be so in the end, when nothing goes wrong any more. */
import { peerOf, type Cid, type Uid } from "../../src/protocol/ids.ts";
import type { HeadRow } from "../../src/durable-objects/user/user-store.ts";
import { UserStore } from "../../src/durable-objects/user/user-store.ts";
import type { Device } from "./device.ts";
import { lineOf } from "./shown.ts";
import type { Sim } from "./sim.ts";
import { Violation } from "./violation.ts";

/** Every entry whose `sent` a client has seen is on the disk of every member's object, though no client said a word. */
export function checkTaken(sim: Sim, devices: readonly Device[]): void {
  for (const device of devices) {
    for (const { seq, cid } of device.outbox.posts) {
      if (seq === undefined) continue;
      for (const uid of membersOf(cid)) {
        const head = headOnDisk(sim, uid, cid)?.head ?? 0;
        if (head < seq) throw new Violation("DUR3", `${cid}/${seq} was sent, the object of ${uid} has ${head} on disk`);
      }
    }
  }
}

/** What a connection that never broke has read is read. */
export function checkReads(sim: Sim, devices: readonly Device[]): void {
  for (const device of devices) {
    for (const [cid, seq] of device.readsOfConnection) {
      const read = headOnDisk(sim, device.uid, cid)?.read ?? 0;
      if (read < seq)
        throw new Violation("RES1", `${device.id} read ${cid}/${seq}, the object of ${device.uid} has ${read}`);
    }
  }
}

/** Every device sees the log, every object has its head, marks and unread are right, every post had its answer. */
export function checkOutcome(sim: Sim, devices: readonly Device[]): void {
  for (const cid of sim.ledger.cids) {
    sim.ledger.compare(cid, sim.conversation(cid).disk.sql);
    for (const uid of membersOf(cid)) checkHead(sim, uid, cid);
  }
  for (const device of devices) {
    for (const cid of sim.ledger.cids) if (peerOf(cid, device.uid) !== undefined) checkView(sim, device, cid);
    for (const { frame, state, seq, cid, conflicting } of device.outbox.posts) {
      const durable = seq === undefined ? undefined : sim.ledger.entry(cid, seq);
      if (state === "open")
        throw new Violation(conflicting ? "DUP2" : "DUR1", `${device.id} has no answer about ${frame.id}`);
      if (state === "sent" && durable?.id !== frame.id)
        throw new Violation("DUR1", `${frame.id} is not at ${cid}/${seq}`);
    }
  }
}

function checkHead(sim: Sim, uid: Uid, cid: Cid): void {
  const head = sim.ledger.head(cid);
  if (head === 0) return;
  const row = headOnDisk(sim, uid, cid);
  if (row?.head !== head) throw new Violation("DUR3", `${uid} has ${cid} up to ${row?.head ?? 0} of ${head} on disk`);
  const { read, delivered, count, readCount } = row;
  if (read > delivered || delivered > head) {
    throw new Violation("RCP1", `${uid} ${cid}: read ${read}, delivered ${delivered}, head ${head}`);
  }
  const unread = sim.ledger.unread(cid, uid, read, head);
  if (count - readCount !== unread)
    throw new Violation("UNR1", `${uid} ${cid}: unread ${count - readCount}, counted ${unread}`);
  const peer = headOnDisk(sim, peerOf(cid, uid) as Uid, cid);
  if (peer?.peerDelivered !== delivered || peer.peerRead !== read) {
    const theirs = `read ${peer?.peerRead ?? 0}, delivered ${peer?.peerDelivered ?? 0}`;
    throw new Violation(
      "RCP1",
      `${uid} ${cid}: read ${read}, delivered ${delivered}; the peer's object knows ${theirs}`,
    );
  }
}

function checkView(sim: Sim, device: Device, cid: Cid): void {
  const chat = device.chat(cid);
  const expected = sim.ledger.view(cid);
  for (const shown of expected) {
    const seen = chat.at(shown.seq);
    if (seen !== undefined && lineOf(seen) === lineOf(shown)) continue;
    const saw = seen === undefined ? "nothing" : lineOf(seen);
    throw new Violation("RES1", `${device.id} ${cid}: sees ${saw}, the log has ${lineOf(shown)}`);
  }
  const row = headOnDisk(sim, device.uid, cid);
  if (row === undefined) return;
  if (chat.read !== row.read)
    throw new Violation("RES1", `${device.id} ${cid}: shows read ${chat.read}, it is ${row.read}`);
  // Ticks on own messages, not the watermarks themselves: a peer's message is a mark that needs no receipt.
  for (const { seq, from, kind } of expected) {
    if (from !== device.uid || kind === "amend") continue;
    const right = [row.peerDelivered >= seq, row.peerRead >= seq].join(" ");
    const ticks = [chat.peerDelivered >= seq, chat.peerRead >= seq].join(" ");
    if (ticks !== right) throw new Violation("RCP1", `${device.id} ${cid}/${seq}: ticks ${ticks}, should be ${right}`);
  }
}

function headOnDisk(sim: Sim, uid: Uid, cid: Cid): HeadRow | undefined {
  const { sql, transact } = sim.user(uid).disk;
  return new UserStore(sql, transact).head(cid);
}

function membersOf(cid: Cid): Uid[] {
  return cid.split(".").slice(1) as Uid[];
}
