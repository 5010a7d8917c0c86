/** What must be so of groups in the end, when nothing goes wrong any more. */
import * as operations from "../../../src/durable-objects/conversation/group-operations.ts";
import { UserStore } from "../../../src/durable-objects/user/user-store.ts";
import type { Cid } from "../../../src/protocol/ids.ts";
import type { Device } from "../device.ts";
import { lineOf } from "../shown.ts";
import type { Sim } from "../sim.ts";
import { Violation } from "../violation.ts";

/** What is pushed is on the disk of every member's object, and who has left knows, though no client said a word. */
export function checkTakenInGroups(sim: Sim): void {
  for (const cid of sim.groups) {
    const roll = sim.roll(cid);
    const pull = sim.group(cid).core.group?.pull === true;
    for (const uid of sim.uids) {
      if (roll.stays(uid).length === 0) continue;
      const { sql, transact } = sim.user(uid).disk;
      const row = new UserStore(sql, transact).head(cid);
      const inside = roll.inside(uid) !== undefined;
      if (row === undefined || (row.membership?.left === 0) !== inside) {
        const left = row?.membership?.left;
        throw new Violation(
          "DUR3",
          `${uid} ${inside ? "is in" : "has left"} ${cid}, its object has left ${left}, head ${row?.head}`,
        );
      }
      if (inside && !pull && row.head !== roll.head) {
        throw new Violation("DUR3", `${uid} has ${cid} up to ${row.head} of ${roll.head} on disk`);
      }
    }
  }
}

/** Every device sees what the log says is its user's to see, heads are right, every post had its answer. */
export function checkOutcomeOfGroups(sim: Sim, devices: readonly Device[]): void {
  for (const cid of sim.groups) {
    sim.ledger.compare(cid, sim.group(cid).disk.sql);
    for (const device of devices) checkDevice(sim, device, cid);
    checkReceipts(sim, devices, cid);
  }
  for (const device of devices) {
    for (const { frame, state, seq, cid, conflicting } of device.outbox.posts) {
      const durable = seq === undefined ? undefined : sim.ledger.entry(cid, seq);
      if (state === "open")
        throw new Violation(conflicting ? "DUP2" : "DUR1", `${device.id} has no answer about ${frame.id}`);
      if (state === "sent" && durable?.id !== frame.id)
        throw new Violation("DUR1", `${frame.id} is not at ${cid}/${seq}`);
    }
  }
}

function checkDevice(sim: Sim, device: Device, cid: Cid): void {
  const roll = sim.roll(cid);
  const stay = roll.inside(device.uid);
  const chat = device.chats.get(cid);
  const { head } = chat ?? {};
  if (stay === undefined) {
    if (head !== undefined) throw new Violation("RES1", `${device.id} is told a head of ${cid}, and is no member`);
    return;
  }
  if (chat === undefined || head === undefined) throw new Violation("RES1", `${device.id} is told no head of ${cid}`);
  const mode = sim.group(cid).core.group?.state.mode;
  const first = stay.floor + 1;
  if (head.head !== roll.head || (head.first ?? 1) !== first || head.mode !== mode || head.left === true) {
    const { last: _, ...shown } = head;
    throw new Violation(
      "RES1",
      `${device.id}: ${cid} is at ${roll.head} from ${first}, ${mode}; told ${JSON.stringify(shown)}`,
    );
  }
  if (head.name !== sim.group(cid).core.group?.state.name)
    throw new Violation("RES1", `${device.id}: ${cid} is called ${head.name}`);
  if (chat.read > head.read)
    throw new Violation("RES1", `${device.id} ${cid}: has read ${chat.read}, it is ${head.read}`);
  for (const shown of sim.ledger.view(cid)) {
    if (shown.seq <= stay.floor) continue;
    const seen = chat.at(shown.seq);
    if (seen !== undefined && lineOf(seen) === lineOf(shown)) continue;
    const saw = seen === undefined ? "nothing" : lineOf(seen);
    throw new Violation("RES1", `${device.id} ${cid}: sees ${saw}, the log has ${lineOf(shown)}`);
  }
}

/** The counts of every entry are those of the members' watermarks; everybody who is connected has everything. */
function checkReceipts(sim: Sim, devices: readonly Device[], cid: Cid): void {
  const { core } = sim.group(cid);
  const roll = sim.roll(cid);
  const [asker] = roll.members;
  if (asker === undefined) return;
  for (const { seq, from } of sim.ledger.entries(cid)) {
    const counted = operations.receipts(core, asker, seq);
    if (!counted.ok) continue;
    const others = roll.members.filter((uid) => uid !== from && (roll.inside(uid)?.since ?? 0) < seq);
    const readBy = others.filter((uid) => {
      const reads = devices.filter((device) => device.uid === uid).map((device) => device.chats.get(cid)?.read ?? 0);
      return Math.max(...reads) >= seq;
    });
    const right = { delivered: others.length, read: readBy.length, members: others.length };
    const { delivered, read, members } = counted.value;
    // Watermarks that came shortly before the death of the group are lost, and nobody repeats them.
    const lost = sim.group(cid).crashes > 0 && delivered <= right.delivered && read <= right.read;
    if (members === right.members && (lost || (delivered === right.delivered && read === right.read))) continue;
    throw new Violation(
      "RCP1",
      `${cid}/${seq}: counted ${JSON.stringify(counted.value)}, it is ${JSON.stringify(right)}`,
    );
  }
}
