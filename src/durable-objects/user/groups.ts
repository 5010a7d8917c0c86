/**
 * The user's groups: joining and leaving them, and the large ones, in pull mode, whose entries relays hand to the devices past this
 * object. Of those it knows how far they are only when it asks; what it says of them to an edge has a span, so that
 * the edge brings both ways into one order.
 */
import type { Cid } from "../../protocol/ids.ts";
import { encodeControl, type Poll, type PullGroup } from "../../protocol/link.ts";
import type { GroupHead, Membership, Mode } from "../group-rpc.ts";
import type { Devices } from "./devices.ts";
import type { Heads } from "./heads.ts";
import type { Link } from "./links.ts";
import { inside } from "./membership.ts";
import type { UserPort } from "./user-port.ts";
import type { HeadRow } from "./user-store.ts";
import type { WriteBehind } from "./write-behind.ts";

/** Large groups that an edge is told of: the ones used last. */
const TOLD = 64;

type Heard = (answered: boolean, now: number) => void;

/** What `enter` tells `settle`: the mode before; undefined: this user was not in the group. */
export interface Entered {
  readonly was: Mode | undefined;
}

export class Groups {
  readonly #heads: Heads;
  readonly #devices: Devices;
  readonly #writes: WriteBehind;
  readonly #port: UserPort;
  #found: Set<Cid> | undefined;
  /** Groups that are being asked, and who waits for the answer. */
  readonly #asking = new Map<Cid, Heard[]>();
  /** Links whose edges have not been told of the large groups yet. */
  readonly #untold = new Set<Link>();

  constructor(port: UserPort, parts: { heads: Heads; devices: Devices; writes: WriteBehind }) {
    this.#port = port;
    this.#heads = parts.heads;
    this.#devices = parts.devices;
    this.#writes = parts.writes;
  }

  /**
   * A group says what this user has to know of it, before entries that come with it. Returns the mode before; undefined when what it
   * says is out of date.
   */
  enter(cid: Cid, told: Membership, now: number): Entered | undefined {
    const { base, name, mode, relays, first, at, marks } = told;
    const before = this.#heads.get(cid);
    const was = before?.membership;
    if (at < (was?.at ?? 0)) return undefined;
    const ended = (was?.left ?? 0) > 0;
    // A later membership begins behind the entry that ended the one before; whatever else is said of that one comes late.
    const later = base.seq >= (was?.left ?? 0) && base.seq !== told.left;
    const begins = before === undefined || (ended && later);
    if (ended && !begins) return undefined;
    if (begins || before.head < base.seq) {
      // From here on: what is before is from before the joining, or was handed to the devices by relays. It is no hole.
      const { delivered = base.seq, read = base.seq, readCount = base.count } = marks ?? {};
      const further = begins || read > before.read;
      const change = {
        head: base.seq,
        count: base.count,
        name,
        delivered: begins ? delivered : Math.max(delivered, before.delivered),
        read: further ? read : before.read,
        readCount: further ? readCount : before.readCount,
        membership: { mode, relays, first, left: 0, at },
        last: told.last === undefined ? (begins ? undefined : before.last) : this.#heads.shown(told.last),
      };
      this.#change(this.#heads.jump(cid, change, this.#heads.nextVersion(now)));
      // A device may write as soon as it knows of a group: a crash must not make it a stranger again.
      if (!begins || !this.#writes.flush(now)) this.#writes.later(now);
      // What nobody handed: this object missed a membership, or that the group was in pull mode for a while.
      if (begins || was?.mode === "push" || was?.first !== first) this.#devices.tellHead(cid);
    } else if (before.name !== name || was?.mode !== mode || was.relays !== relays || was.first !== first) {
      const change = { name, membership: { mode, relays, first, left: 0, at } };
      this.#change(this.#heads.change(cid, change, this.#heads.nextVersion(now)));
      this.#writes.later(now);
      if (was?.first !== first) this.#devices.tellHead(cid);
    }
    if (was?.mode === "pull" && mode === "push") {
      this.#tellAll({ do: "push", cid, seq: base.seq });
      for (const link of this.#untold) this.#tellHead(link, cid);
    }
    return { was: inside(before) ? was?.mode : undefined };
  }

  /** The entries that came with it are handed over: the mode takes effect, or the membership ends. `was`: what `enter` returned. */
  settle(cid: Cid, told: Membership, { was }: Entered, now: number): void {
    const head = this.#heads.get(cid);
    if (!inside(head)) return;
    if (told.left !== undefined && (head.head >= told.left || told.mode === "pull"))
      return this.#end(head, told.left, now);
    // Also to who is said to join: relays may have put out the devices, if this is not the membership that was known here.
    const news = was !== "pull" || told.marks !== undefined;
    if (told.mode !== "pull" || !news) return;
    for (const link of this.#devices.links) {
      // Relays go on from here, so every device has what is before, or is told of it now (ORD2).
      if (link.behind.has(cid)) this.#devices.tellBehind(link);
      this.#port.send(link, encodeControl({ do: "pull", groups: [pulled(head)], whole: false }));
    }
  }

  /** A link is new: its edge knows of no large groups until they have said how far they are. */
  toTell(link: Link): void {
    for (const other of this.#untold) if (!this.#devices.links.has(other)) this.#untold.delete(other);
    this.#untold.add(link);
  }

  /** Groups that were left while a link was broken, before their heads: its edge may still listen to relays (SEC1). */
  tellLeft(link: Link, rows: readonly HeadRow[]): void {
    for (const { cid, membership } of rows) {
      if ((membership?.left ?? 0) > 0) this.#port.send(link, encodeControl({ do: "left", cid }));
    }
  }

  /** The large groups of a link, after the heads that it was told; `again`: it may know of some that are none any more. */
  tellPulled(link: Link, again: boolean): void {
    this.#untold.delete(link);
    const large = this.pulled();
    const groups = large.slice(0, TOLD).map(pulled);
    if (groups.length === 0 && !again) return;
    this.#port.send(link, encodeControl({ do: "pull", groups, whole: groups.length === large.length }));
  }

  /** A device uses a group: its edge has to know of it, also where there are more large groups than it was told of. */
  use(link: Link, cid: Cid): void {
    const head = this.#large.has(cid) && this.#large.size > TOLD ? this.#heads.get(cid) : undefined;
    if (head === undefined) return;
    this.#port.send(link, encodeControl({ do: "pull", groups: [pulled(head)], whole: false }));
  }

  /** The heads of large groups, the one that changed last first. */
  pulled(): HeadRow[] {
    return [...this.#large].flatMap((cid) => this.#heads.get(cid) ?? []).toSorted((a, b) => b.version - a.version);
  }

  /** Large groups, found once per wake. */
  get #large(): Set<Cid> {
    this.#found ??= new Set(this.#heads.since(0).flatMap((head) => (isLarge(head) ? head.cid : [])));
    return this.#found;
  }

  #change(head: HeadRow): void {
    if (isLarge(head)) this.#found?.add(head.cid);
    else this.#found?.delete(head.cid);
  }

  /**
   * Asks large groups how far they are; `done` when all have answered or have not. An answer that is on its way already will do, unless
   * it has to be of now: `fresh`.
   */
  refresh(cids: readonly Cid[], done: Heard, now: number, fresh = false): void {
    let waiting = cids.length;
    let all = true;
    if (waiting === 0) return done(true, now);
    for (const cid of cids) {
      this.#ask(
        cid,
        (answered, then) => {
          all &&= answered;
          waiting -= 1;
          if (waiting === 0) done(all, then);
        },
        fresh,
      );
    }
  }

  #ask(cid: Cid, done: Heard, fresh: boolean): void {
    const others = fresh ? undefined : this.#asking.get(cid);
    if (others !== undefined) return void others.push(done);
    const waiting = [done];
    this.#asking.set(cid, waiting);
    const asked = this.#heads.get(cid)?.membership?.at;
    this.#port.headOf(cid, (answer, now) => {
      if (this.#asking.get(cid) === waiting) this.#asking.delete(cid);
      // Unless another membership has begun since it was asked.
      const same = this.#heads.get(cid)?.membership?.at === asked;
      if (answer?.ok) this.#learn(cid, answer.value, now);
      else if (answer?.error.code === "not_member" && same) this.#lost(cid, now);
      // A group that is pushed now tells this object so, and how far it is.
      const answered = answer !== undefined && !(answer.ok && answer.value.mode === "push");
      for (const each of waiting) each(answered, now);
    });
  }

  /** An edge asks how far groups are beyond what its client knows. */
  poll(link: Link, { cids, seqs, must }: Poll): void {
    for (const [i, cid] of cids.entries()) {
      const seq = seqs[i] ?? 0;
      const head = this.#heads.get(cid);
      if (!inside(head)) this.#port.send(link, encodeControl({ do: "left", cid }));
      else if (head.membership?.mode !== "pull") {
        this.#tellHead(link, cid);
        this.#port.send(link, encodeControl({ do: "push", cid, seq: head.head }));
      } else this.#ask(cid, () => (must || (this.#heads.get(cid)?.head ?? 0) > seq) && this.#tellHead(link, cid), must);
    }
  }

  /** Tells one device how far a group is. */
  #tellHead(link: Link, cid: Cid): void {
    const head = this.#heads.get(cid);
    if (head === undefined || !this.#devices.links.has(link)) return;
    // With what else the device is behind with: the version covers that, too.
    link.behind.add(cid);
    this.#devices.tellBehind(link);
  }

  #learn(cid: Cid, told: GroupHead, now: number): void {
    const before = this.#heads.get(cid);
    // Pushed meanwhile: then entries say how far it is.
    if (!inside(before) || before.membership?.mode !== "pull" || told.mode !== "pull" || told.head < before.head)
      return;
    const { head, count, delivered, read, readCount, name, relays } = told;
    const further = read > before.read;
    // The group hears of this user's watermarks later than this object: that it knows less is nothing new.
    if (head === before.head && !further && delivered <= before.delivered && name === before.name) return;
    const change = {
      head,
      count,
      name,
      delivered: Math.max(delivered, before.delivered),
      read: further ? read : before.read,
      readCount: further ? readCount : before.readCount,
      membership: { first: before.membership?.first ?? 1, mode: told.mode, relays, left: 0, at: head },
      last: told.last === undefined ? before.last : this.#heads.shown(told.last),
    };
    this.#heads.jump(cid, change, this.#heads.nextVersion(now));
    this.#writes.later(now);
  }

  /** The group does not know this user any more, and could not say since when. */
  #lost(cid: Cid, now: number): void {
    const head = this.#heads.get(cid);
    if (inside(head)) this.#end(head, head.head + 1, now);
  }

  #end({ cid, membership }: HeadRow, left: number, now: number): void {
    const { mode = "push", relays = 0, first = 1, at } = membership ?? {};
    const change = { membership: { mode, relays, first, left, at } };
    this.#change(this.#heads.change(cid, change, this.#heads.nextVersion(now)));
    // A crash must not make it a member again after it was told.
    if (!this.#writes.flush(now)) this.#writes.later(now);
    // The edge first: nothing of a relay goes to the client behind this head (SEC1).
    this.#tellAll({ do: "left", cid });
    this.#devices.tellHead(cid);
  }

  #tellAll(control: Parameters<typeof encodeControl>[0]): void {
    for (const link of this.#devices.links) this.#port.send(link, encodeControl(control));
  }
}

function isLarge(head: HeadRow): boolean {
  return inside(head) && head.membership?.mode === "pull";
}

function pulled({ cid, head, membership }: HeadRow): PullGroup {
  return { cid, seq: head, relays: membership?.relays ?? 1 };
}
