/** What must hold of a group's frames at every step, looked at where they leave the edge for a client. */
import type { MessageView, ServerFrameOf } from "../../../src/protocol/frames.ts";
import type { Cid, Uid } from "../../../src/protocol/ids.ts";
import type { Ledger } from "../ledger.ts";
import type { Stats } from "../stats.ts";
import { Violation } from "../violation.ts";
import type { Roll } from "./roll.ts";

type HeadOf = ServerFrameOf<"heads">["heads"][number];

/** What is remembered of one session about one group. */
export class GroupEye {
  /** It was told that its user is no member any more: nothing follows. */
  left = false;
  /** The user's own `read` as last shown over the link in use, and of which membership. */
  read = 0;
  first = 1;
}

export class GroupChecks {
  readonly #ledger: Ledger;
  readonly #rolls: ReadonlyMap<Cid, Roll>;
  readonly #stats: Stats;

  constructor(ledger: Ledger, rolls: ReadonlyMap<Cid, Roll>, stats: Stats) {
    this.#ledger = ledger;
    this.#rolls = rolls;
    this.#stats = stats;
  }

  /** An entry, by whatever way. */
  entry(uid: Uid, cid: Cid, seq: number): void {
    if (!this.#roll(cid).visible(uid, seq)) throw new Violation("SEC1", `${uid} is shown ${cid}/${seq}`);
  }

  /** A message, with its place or without. */
  message(uid: Uid, eye: GroupEye, frame: MessageView & { readonly version?: number | undefined }): void {
    const { cid, seq } = frame;
    if (seq === undefined) {
      this.#stats.count("ephemeral");
      return this.some(uid, eye, cid, "something ephemeral");
    }
    this.some(uid, eye, cid, `message ${seq}`);
    this.entry(uid, cid, seq);
    if (frame.version === 0) this.#stats.count("messages by relays");
  }

  /** Whatever says that there is such a group. */
  some(uid: Uid, eye: GroupEye, cid: Cid, what: string): void {
    if (this.#roll(cid).stays(uid).length === 0)
      throw new Violation("SEC1", `${uid}, never a member, hears of ${cid}: ${what}`);
    if (eye.left) throw new Violation("SEC1", `${uid} is told of ${cid} after it was left: ${what}`);
  }

  head(uid: Uid, eye: GroupEye, view: HeadOf): void {
    const { cid, head, read, unread, first = 1, left, last } = view;
    const roll = this.#roll(cid);
    if (roll.stays(uid).length === 0) throw new Violation("SEC1", `${uid}, never a member, is told the head of ${cid}`);
    if (head > roll.horizon(uid))
      throw new Violation("SEC1", `${uid}: ${cid} with head ${head}, left at ${roll.horizon(uid)}`);
    if (left === true && roll.stays(uid).every((stay) => stay.left === undefined)) {
      throw new Violation("RES1", `${uid} is told to have left ${cid}`);
    }
    if (left === true && !eye.left) this.#stats.count("group heads left");
    eye.left = left === true;
    if (last !== undefined) this.entry(uid, cid, last.seq ?? 0);
    if (eye.left) return;
    if (!roll.stays(uid).some(({ floor }) => floor + 1 === first)) {
      throw new Violation("SEC1", `${uid}: ${cid} begins at ${first}, no membership does`);
    }
    if (read > head) throw new Violation("RCP1", `${uid}: ${cid} read ${read} > head ${head}`);
    const counted = this.#ledger.unread(cid, uid, read, head);
    if (unread !== counted) {
      throw new Violation("UNR1", `${uid}: ${cid} unread ${unread}, counted ${counted} (read ${read}, head ${head})`);
    }
    if (first === eye.first && read < eye.read && this.#roll(cid).stays(uid).length === 1) {
      throw new Violation("RCP1", `${uid}: ${cid} read ${eye.read}, then ${read}`);
    }
    eye.read = read;
    eye.first = first;
  }

  receipt(uid: Uid, eye: GroupEye, { cid, user, delivered = 0, read = 0 }: ServerFrameOf<"receipt">): void {
    this.some(uid, eye, cid, `receipt of ${user}`);
    const head = this.#ledger.head(cid);
    if (delivered > head || read > head) throw new Violation("RCP1", `${cid}: a receipt beyond ${head}`);
    if (read > 0 && delivered > 0 && read > delivered)
      throw new Violation("RCP1", `${cid}: read ${read}, delivered ${delivered}`);
  }

  /** A page holds what its reader may see, and says no more of the group. */
  page(uid: Uid, eye: GroupEye, { cid, messages, head }: ServerFrameOf<"page">): void {
    this.some(uid, eye, cid, "a page");
    for (const { seq = 0 } of messages) this.entry(uid, cid, seq);
    if (head > this.#roll(cid).horizon(uid)) throw new Violation("SEC1", `${uid}: a page of ${cid} with head ${head}`);
  }

  #roll(cid: Cid): Roll {
    const roll = this.#rolls.get(cid);
    if (roll === undefined) throw new Violation("SEC1", `there is no group ${cid}`);
    return roll;
  }
}
