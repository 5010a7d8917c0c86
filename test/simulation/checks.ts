/** The invariants that hold at every step, looked at where a server's word leaves the edge for a client. */
import type { MessageView, ServerFrame, ServerFrameOf } from "../../src/protocol/frames.ts";
import { ServerFrame as ServerFrameSchema } from "../../src/protocol/frames.ts";
import { kindOf, peerOf, type Cid, type Uid } from "../../src/protocol/ids.ts";
import { GroupChecks, GroupEye } from "./groups/checks.ts";
import type { Roll } from "./groups/roll.ts";
import type { Ledger } from "./ledger.ts";
import type { Stats } from "./stats.ts";
import { Violation } from "./violation.ts";

interface Marks {
  delivered: number;
  read: number;
}

/** What is remembered of one session to check what it is told. */
export class SessionEye {
  uid: Uid | undefined;
  /** For who looks at one seed. */
  device = "";
  /** The newest seq of each conversation that went to the client as a message. */
  readonly last = new Map<Cid, number>();
  /** The peers' marks as last shown over the link in use: an object that died may have lost the newest, and learns them again. */
  readonly marks = new Map<Cid, Marks>();

  readonly groups = new Map<Cid, GroupEye>();
  #links = 0;

  group(cid: Cid): GroupEye {
    const eye = this.groups.get(cid) ?? new GroupEye();
    this.groups.set(cid, eye);
    return eye;
  }

  /** A link is opened. True: another one. */
  linked(): boolean {
    this.marks.clear();
    for (const eye of this.groups.values()) eye.read = 0;
    this.#links += 1;
    return this.#links > 1;
  }
}

export class Checks {
  readonly #ledger: Ledger;
  readonly #groups: GroupChecks;
  /** Check every frame against its schema: thorough, and slow. */
  readonly #schema: boolean;

  constructor(ledger: Ledger, rolls: ReadonlyMap<Cid, Roll>, stats: Stats, schema: boolean) {
    this.#ledger = ledger;
    this.#groups = new GroupChecks(ledger, rolls, stats);
    this.#schema = schema;
  }

  fail(rule: string, what: string): never {
    throw new Violation(rule, what);
  }

  session(): SessionEye {
    return new SessionEye();
  }

  /** Text to a client, about to leave the edge. */
  toClient(eye: SessionEye, text: string): readonly ServerFrame[] {
    const frames = [JSON.parse(text) as ServerFrame | ServerFrame[]].flat();
    for (const frame of frames) {
      if (this.#schema) this.#wellFormed(frame);
      if (frame.t === "sent") this.#sent(eye, frame);
      else if (frame.t === "message") this.#message(eye, frame);
      else if (frame.t === "page") this.#page(eye, frame);
      else if (frame.t === "heads") for (const head of frame.heads) this.#head(eye, head);
      else if (frame.t === "receipt") this.#receipt(eye, frame);
      else if (frame.t === "typing" && kindOf(frame.cid) === "group") {
        this.#groups.some(eye.uid as Uid, eye.group(frame.cid), frame.cid, "typing");
      }
    }
    return frames;
  }

  #wellFormed(frame: ServerFrame): void {
    const { error } = ServerFrameSchema.safeParse(frame);
    if (error !== undefined) throw new Violation("schema", `${error.message} in ${JSON.stringify(frame)}`);
  }

  #sent(eye: SessionEye, { cid, id, seq }: ServerFrameOf<"sent">): void {
    const durable = this.#ledger.entry(cid, seq);
    if (durable?.id === id && durable.from === eye.uid) return;
    throw new Violation("DUR1", `sent ${id} at ${cid}/${seq}, where ${durable?.id ?? "nothing"} is durable`);
  }

  #message(eye: SessionEye, frame: ServerFrameOf<"message">): void {
    const { cid, seq } = frame;
    if (kindOf(cid) === "group") this.#groups.message(eye.uid as Uid, eye.group(cid), frame);
    else this.#member(eye, cid);
    if (seq === undefined) return;
    this.#same(frame, seq);
    const last = eye.last.get(cid) ?? 0;
    if (seq <= last) throw new Violation("ORD2", `${eye.uid}: ${cid}/${seq} after ${last}`);
    eye.last.set(cid, seq);
  }

  #page(eye: SessionEye, frame: ServerFrameOf<"page">): void {
    const { cid, messages, head } = frame;
    if (kindOf(cid) === "group") this.#groups.page(eye.uid as Uid, eye.group(cid), frame);
    else this.#member(eye, cid);
    if (head > this.#ledger.head(cid)) throw new Violation("DUR1", `${cid}: a page with head ${head}`);
    let last = 0;
    for (const message of messages) {
      const { seq = 0 } = message;
      if (last > 0 && seq !== last + 1) throw new Violation("ORD2", `a page of ${cid} has ${seq} after ${last}`);
      last = seq;
      this.#same(message, seq);
    }
  }

  #head(eye: SessionEye, view: ServerFrameOf<"heads">["heads"][number]): void {
    const { cid, head, read, unread, peer } = view;
    if (kindOf(cid) === "group") return this.#groups.head(eye.uid as Uid, eye.group(cid), view);
    this.#member(eye, cid);
    if (head > this.#ledger.head(cid)) throw new Violation("DUR1", `${eye.uid}: ${cid} with head ${head}`);
    if (read > head) throw new Violation("RCP1", `${eye.uid}: ${cid} read ${read} > head ${head}`);
    const counted = this.#ledger.unread(cid, eye.uid as Uid, read, head);
    if (unread !== counted) {
      throw new Violation(
        "UNR1",
        `${eye.uid}: ${cid} unread ${unread}, counted ${counted} (read ${read}, head ${head})`,
      );
    }
    if (peer === undefined) throw new Violation("RCP1", `${cid} without its peer`);
    const { delivered, read: theirs } = peer;
    if (theirs > delivered || delivered > head) {
      throw new Violation("RCP1", `${eye.uid}: ${cid} peer read ${theirs}, delivered ${delivered}, head ${head}`);
    }
    eye.marks.set(cid, { delivered, read: theirs });
  }

  /** What is pushed is news: it never says less than was shown before. */
  #receipt(eye: SessionEye, frame: ServerFrameOf<"receipt">): void {
    const { cid, user, delivered, read } = frame;
    if (kindOf(cid) === "group") return this.#groups.receipt(eye.uid as Uid, eye.group(cid), frame);
    this.#member(eye, cid);
    const head = this.#ledger.head(cid);
    if ((delivered ?? 0) > head || (read ?? 0) > head) throw new Violation("RCP1", `${cid}: a receipt beyond ${head}`);
    if (user === eye.uid) return;
    // A session that was not told the marks before knows only what the receipt says.
    const before = eye.marks.get(cid) ?? { delivered: delivered ?? read ?? 0, read: 0 };
    const marks = { delivered: delivered ?? before.delivered, read: read ?? before.read };
    if (marks.delivered < before.delivered || marks.read < before.read || marks.read > marks.delivered) {
      throw new Violation("RCP1", `${eye.uid}: ${cid} ${JSON.stringify(before)}, then ${JSON.stringify(marks)}`);
    }
    eye.marks.set(cid, marks);
  }

  #member(eye: SessionEye, cid: Cid): void {
    if (eye.uid === undefined || peerOf(cid, eye.uid) === undefined)
      throw new Violation("SEC1", `${eye.uid} hears of ${cid}`);
  }

  /** What is shown is what is durable, in its first or an edited form. */
  #same(message: MessageView, seq: number): void {
    const { cid, id, from, kind, target, op, body, edited, recalled } = message;
    const durable = this.#ledger.entry(cid, seq);
    const same =
      durable !== undefined &&
      durable.id === id &&
      durable.from === from &&
      durable.kind === kind &&
      durable.target === target &&
      durable.op === op;
    if (!same) throw new Violation("DUR1", `${cid}/${seq} shown is ${id}, durable is ${durable?.id ?? "nothing"}`);
    const changed = edited !== undefined || recalled === true || kind === "amend";
    if (!changed && JSON.stringify(body) !== durable.body)
      throw new Violation("DUR1", `${cid}/${seq} has another body`);
  }
}
