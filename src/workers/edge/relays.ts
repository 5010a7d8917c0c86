/**
 * The large groups of one client: which of them have a relay link (the few used last), how far the client is in each, and the
 * one order of what comes over the relay links and over the link to the user's object. Pure; a group that rests costs a
 * record of a few numbers.
 */
import type { Config } from "../../config/config.ts";
import type { Cid, DeviceId, Uid } from "../../protocol/ids.ts";
import {
  decodeRelayed,
  spansOf,
  type Control,
  type Down,
  type Poll,
  type PullGroup,
  type RelayControl,
  type RelayUpFrame,
  type Span,
} from "../../protocol/link.ts";
import { LeftGroups } from "./left-groups.ts";
import { RelayLinks } from "./relay-links.ts";
import { isAsked, isResting, newGroup, pollOf, type Group, type RelayLink } from "./relay-group.ts";
import { RelayMarks } from "./relay-marks.ts";
import type { RelayPort } from "./session-port.ts";
import { withoutRepeats, type Client } from "./span-gate.ts";

/** How long a gap may take to close before the client is told the head, ms. Asking again takes longer each time. */
const PATIENCE_MS = 2000;
const MOST_PATIENCE_MS = 60_000;
/** What the link to the user's object may bring while it waits for a relay's last entries. */
const PAUSED = 256;
const PAUSED_CHARACTERS = 256 * 1024;

/** What relays ask of the session. */
export interface Owner extends Client {
  who(): { readonly uid: Uid; readonly session: string; readonly device: DeviceId };
  /** What the link to the user's object brought cannot be put in order: it is made anew, and what changed is told by heads. */
  relink(now: number): void;
  /** The newest entry that its object has handed to the client in the last seconds, and may have forgotten; 0 = none. */
  seen(cid: Cid): number;
  /** A watermark for the link to the user's object. */
  markUser(frame: RelayUpFrame, now: number): void;
}

export class Relays {
  readonly #config: Config;
  readonly #port: RelayPort;
  readonly #owner: Owner;
  /** The one used last stands last. */
  readonly #groups = new Map<Cid, Group>();
  readonly #left = new LeftGroups();
  /** What waits behind a push that came before the relay's last entries. */
  #paused: Down[] = [];
  readonly #links: RelayLinks;
  #pollAt: number | undefined;

  constructor(config: Config, port: RelayPort, owner: Owner) {
    this.#config = config;
    this.#port = port;
    this.#owner = owner;
    this.#links = new RelayLinks(config, port, this.#groups, () => owner.who());
  }

  /** Relay links opened so far: each is a sub-request. */
  get opened(): number {
    return this.#links.opened;
  }

  // --- the link to the user's object -----------------------------------------------------------------------------

  control(control: Extract<Control, { do: "pull" | "push" | "left" }>, now: number): void {
    if (control.do === "pull") return this.#pull(control.groups, control.whole, now);
    const group = this.#groups.get(control.cid);
    if (group === undefined) return;
    if (control.do === "left") this.#drop(group, now);
    else this.#pushed(group, control.seq, true, now);
    this.#resume(now);
  }

  /** A payload of the user's object. */
  fromUser(down: Down, now: number): void {
    if (this.#paused.length === 0 && !this.#early(down)) return this.#takeFromUser(down, now);
    // All of the link waits, not this group alone: the versions of what follows would say that the client knows of this.
    this.#paused.push(down);
    let characters = 0;
    for (const { payload } of this.#paused) characters += payload.length;
    if (this.#paused.length > PAUSED || characters > PAUSED_CHARACTERS) this.#relink(now);
  }

  /** The link to the user's object is gone; what it brought and nobody handed on is told anew by heads. */
  userLost(): void {
    this.#paused = [];
  }

  /** The client uses a group. `opens`: so that it should have a relay link. */
  use(cid: string, opens: boolean, now: number): void {
    const group = this.#groups.get(cid as Cid);
    if (group === undefined) return;
    this.#groups.delete(group.cid);
    this.#groups.set(group.cid, group);
    if (!opens || group.link !== undefined || group.wanted) return;
    group.wanted = true;
    this.#links.dealAt = now;
  }

  /** True: the watermark goes over a relay link. */
  mark(frame: RelayUpFrame, now: number): boolean {
    const group = this.#groups.get(frame.cid);
    if (group?.link?.state !== "open" || frame.seq > group.gate.seq) return false;
    group.marks ??= new RelayMarks(group.cid);
    const { groups, limits } = this.#config;
    group.marks.note(frame, { wait: groups.relay_mark_ms / 2, window: limits.window }, now);
    return true;
  }

  /** Ends all relay links; the watermarks that wait still go. */
  leave(): void {
    for (const group of this.#groups.values()) this.#links.end(group, 0);
  }

  // --- relay links -----------------------------------------------------------------------------------------------

  /** Text from a relay. */
  fromRelay(cid: Cid, text: string, now: number): void {
    const group = this.#groups.get(cid);
    if (group?.link === undefined) return;
    const down = decodeRelayed(text);
    if ("control" in down) this.#hear(group, group.link, down.control, now);
    else this.#take(down, now);
    this.#resume(now);
  }

  /** A relay link broke, or could not be opened. */
  relayLost(cid: Cid, now: number): void {
    const group = this.#groups.get(cid);
    if (group !== undefined) this.#links.lost(group, now);
  }

  #hear(group: Group, link: RelayLink, control: RelayControl, now: number): void {
    if (control.do === "ended") return this.#ended(group, control, now);
    if (control.do === "admitted") {
      link.state = "open";
      link.attempts = 0;
      if (link.brokenAt !== undefined) group.marks?.again(link.brokenAt);
    }
    group.gate.knows(control.head);
    this.#watch(group, now, control.do !== "admitted" || control.hole);
  }

  #ended(group: Group, control: Extract<RelayControl, { do: "ended" }>, now: number): void {
    const { why, seq, relays } = control;
    if (why === "gone") return this.#gone(group, now);
    this.#port.unrelay(group.cid);
    this.#links.lost(group, now);
    if (why === "push") {
      group.link = undefined;
      this.#links.dealAt = now;
      this.#pushed(group, seq, false, now);
    } else if (why === "stale") {
      // Another number of relays is no news of the table.
      if (relays === group.relays) this.#port.refreshRoutes();
      group.relays = relays;
    }
  }

  // --- groups ----------------------------------------------------------------------------------------------------

  #pull(list: readonly PullGroup[], whole: boolean, now: number): void {
    const fresh: Group[] = [];
    for (const { cid, seq, relays } of list) {
      const group = this.#groups.get(cid);
      const had = Math.max(seq, this.#left.had(cid), this.#owner.seen(cid));
      if (group === undefined) fresh.push(newGroup(cid, had, relays));
      else {
        group.relays = relays;
        group.push = undefined;
        group.settled = false;
        this.#isMember(group, now);
        // The object only supposes that the client has what relays had to hand: this end knows.
        group.gate.knows(seq);
        this.#watch(group, now);
      }
    }
    fresh.reverse();
    if (whole) {
      const named = new Set(list.map(({ cid }) => cid));
      for (const group of this.#groups.values()) {
        if (named.has(group.cid)) continue;
        if (group.retold) {
          group.gate.forget();
          group.push = undefined;
        }
        group.retold = false;
        this.#pushed(group, group.gate.seq, true, now);
      }
      // This end knows better what is used here.
      const known = [...this.#groups.values()];
      this.#groups.clear();
      for (const group of [...fresh, ...known]) this.#groups.set(group.cid, group);
    } else {
      for (const group of fresh) {
        // It has just become busy before this client's eyes.
        group.wanted = true;
        this.#groups.set(group.cid, group);
      }
    }
    this.#links.dealAt = now;
    this.#resume(now);
  }

  /** The user's object says something of the group as its member's. */
  #isMember(group: Group, now: number): void {
    if (!group.gone) return;
    group.gone = false;
    group.askAt = undefined;
    this.#links.dealAt = now;
  }

  #pushed(group: Group, seq: number, settled: boolean, now: number): void {
    if (settled) this.#isMember(group, now);
    group.push = Math.max(group.push ?? 0, seq);
    group.settled ||= settled;
    group.gate.knows(group.push);
    this.#watch(group, now);
  }

  /**
   * A relay says that this user is no member: what was held back goes nowhere (SEC1). But it may speak of a membership that was
   * followed by another: the user's object is asked, and without its word nothing is heard of the group.
   */
  #gone(group: Group, now: number): void {
    this.#links.end(group, now);
    group.gate.end(this.#owner, now);
    group.gone = true;
    group.asked = 0;
    group.askAt = now;
  }

  /** It is not this user's any more: what was held back goes nowhere (SEC1). */
  #drop(group: Group, now: number): void {
    this.#links.end(group, now);
    this.#groups.delete(group.cid);
    this.#left.note(group.cid, group.gate.seq);
    // Pushed entries that wait for a relay's last ones do so in vain; the head that follows says how it ended.
    this.#paused = this.#paused.filter((down) => {
      const [span] = spansOf(down.note.span);
      if (span?.cid !== group.cid || span.first === 0) return true;
      group.gate.offer(span, { ...down, note: { ...down.note, version: 0 } }, this.#owner, now);
      return false;
    });
    group.gate.end(this.#owner, now);
  }

  /** After whatever moved the gate: the client is told the head when a gap does not close by itself, or at once. */
  #watch(group: Group, now: number, atOnce = false): void {
    const { gate } = group;
    if (group.gone) return;
    if (!gate.lacking || gate.seq > group.watched) {
      // Patience begins anew with all that comes: a gap that closes needs no telling.
      group.watched = gate.seq;
      group.askAt = undefined;
      group.asked = 0;
    }
    if (!gate.lacking) {
      if (!group.settled) return;
      // The relay may be gone already.
      for (const frame of group.marks?.recent(now) ?? []) this.#owner.markUser(frame, now);
      group.marks = undefined;
      this.#links.end(group, now);
    } else if (atOnce) group.askAt = now;
    else group.askAt ??= now + (group.link === undefined ? 0 : PATIENCE_MS);
  }

  /** Hands a payload on, in the order of its group. */
  #take(down: Down, now: number): void {
    const spans = spansOf(down.note.span);
    const [entries] = spans;
    const group = entries === undefined ? undefined : this.#groups.get(entries.cid);
    if (entries !== undefined && entries.first > 0 && group !== undefined) {
      const whole = group.gate.offer(entries, down, this.#owner, now);
      return this.#watch(group, now, !whole);
    }
    if (entries !== undefined && this.#left.pass(entries, down, this.#owner, now)) return;
    const pushed = entries === undefined || down.note.version > 0;
    const repeats = !pushed && down.note.done.some((key) => !this.#owner.open(key));
    this.#owner.hand(down.note, repeats ? withoutRepeats(down.payload, this.#owner) : down.payload, now);
    for (const { cid, first, last } of spans) {
      const told = first === 0 ? this.#groups.get(cid) : undefined;
      if (told === undefined) continue;
      this.#isMember(told, now);
      // Entries that nobody pushed: the group is in pull mode again, and this client's object never heard of the change.
      if (told.push !== undefined && last > told.push && !told.settled) {
        told.push = undefined;
        this.#links.dealAt = now;
      }
      told.gate.told(last, this.#owner, now);
      this.#watch(told, now);
    }
  }

  /** Of a group in push mode, of which the client has all that its relay had to hand, only what was pushed late is cut. */
  #takeFromUser(down: Down, now: number): void {
    const pushed = this.#pushedTo(down);
    if (pushed === undefined || !pushed.group.settled || pushed.group.gate.lacking) return this.#take(down, now);
    const { group, span } = pushed;
    const { seq } = group.gate;
    // A hole before it was announced by the user's object.
    if (span.first > seq) this.#groups.delete(group.cid);
    this.#take(down, now);
    if (span.last > seq) this.#groups.delete(group.cid);
  }

  /** Pushed entries that come before the last ones that the relay had to hand. */
  #early(down: Down): boolean {
    const pushed = this.#pushedTo(down);
    if (pushed === undefined) return false;
    const { group, span, after } = pushed;
    return group.gate.seq < after && span.first > group.gate.seq + 1;
  }

  /** The group that these entries were pushed to; an answer to a repetition, which has no version, was not. */
  #pushedTo({ note }: Down): { group: Group; span: Span; after: number } | undefined {
    const [span] = note.version > 0 ? spansOf(note.span) : [];
    const group = span && this.#groups.get(span.cid);
    if (span === undefined || span.first === 0 || group?.push === undefined) return undefined;
    return { group, span, after: group.push };
  }

  #resume(now: number): void {
    for (let [next] = this.#paused; next !== undefined && !this.#early(next); [next] = this.#paused) {
      this.#paused.shift();
      this.#takeFromUser(next, now);
    }
  }

  // --- time ------------------------------------------------------------------------------------------------------

  /**
   * Does what is due. `linked`: there is a link to the user's object; the returned polls go over it. To be called after every
   * event.
   */
  tick(linked: boolean, now: number): Poll[] {
    this.#links.tick(now);
    const due = this.#pollDue(now);
    return linked ? [...this.#asks(now), ...(due ? this.#poll() : [])] : [];
  }

  /** When `tick` has something to do. */
  nextTick(linked: boolean): number {
    let next = Math.min(this.#links.nextTick(), this.#pollAt ?? Number.POSITIVE_INFINITY);
    if (!linked) return next;
    for (const { askAt = next } of this.#groups.values()) next = Math.min(next, askAt);
    return next;
  }

  /** Asks for the heads of groups whose gap does not close by itself. */
  #asks(now: number): Poll[] {
    const late = [...this.#groups.values()].filter(({ askAt }) => askAt !== undefined && askAt <= now);
    if (late.length === 0) return [];
    const blocked = this.#blocking();
    if (blocked !== undefined && late.includes(blocked)) {
      // The answer would come behind what waits for it.
      this.#relink(now);
      return [];
    }
    for (const group of late) {
      group.askAt = now + Math.min(MOST_PATIENCE_MS, PATIENCE_MS * 2 ** group.asked);
      group.asked += 1;
    }
    return [pollOf(late, true)];
  }

  /** The group that the link to the user's object waits for. */
  #blocking(): Group | undefined {
    const [span] = spansOf(this.#paused[0]?.note.span ?? "");
    return span && this.#groups.get(span.cid);
  }

  #relink(now: number): void {
    const blocked = this.#blocking();
    if (blocked !== undefined) blocked.retold = true;
    this.#owner.relink(now);
  }

  /** Groups without a relay link are asked how far they are every so often, all in one. */
  #pollDue(now: number): boolean {
    const { poll_ms } = this.#config.groups;
    let resting = false;
    for (const group of this.#groups.values()) resting ||= isResting(group);
    const due = resting && this.#pollAt !== undefined && this.#pollAt <= now;
    if (!resting) this.#pollAt = undefined;
    else if (due || this.#pollAt === undefined) this.#pollAt = now + poll_ms * (0.5 + this.#port.chance());
    return due;
  }

  #poll(): Poll[] {
    const asked = [...this.#groups.values()].filter(isAsked);
    return asked.length === 0 ? [] : [pollOf(asked, false)];
  }
}
