/**
 * Which large groups of a client have a relay link: the few used last. Opens, ends and re-attaches them, and sends the watermarks
 * over them. Pure.
 */
import type { Config } from "../../config/config.ts";
import type { Cid, DeviceId, Uid } from "../../protocol/ids.ts";
import { reattachWait } from "./reattach.ts";
import type { Group } from "./relay-group.ts";
import type { RelayPort } from "./session-port.ts";

/** A relay link that neither opens nor fails counts as lost, ms. */
const OPENING_MS = 10_000;
/** A relay link does not give way to another group's before this, ms: using nine groups in turn must not open one each time. */
const SETTLED_MS = 2000;

export class RelayLinks {
  /** Links opened so far: each is a sub-request. */
  opened = 0;
  /** When they are dealt anew; undefined while nothing calls for it. */
  dealAt: number | undefined;
  readonly #config: Config;
  readonly #port: RelayPort;
  readonly #groups: ReadonlyMap<Cid, Group>;
  readonly #who: () => { readonly uid: Uid; readonly session: string; readonly device: DeviceId };

  /** `groups`: the one used last stands last. */
  constructor(
    config: Config,
    port: RelayPort,
    groups: ReadonlyMap<Cid, Group>,
    who: () => { readonly uid: Uid; readonly session: string; readonly device: DeviceId },
  ) {
    this.#config = config;
    this.#port = port;
    this.#groups = groups;
    this.#who = who;
  }

  /** It broke, could not be opened, or was ended by the relay. */
  lost(group: Group, now: number): void {
    const { link } = group;
    if (link === undefined || link.state === "broken") return;
    if (link.state === "open") link.brokenAt = now;
    link.state = "broken";
    link.at = now + reattachWait(link.attempts, this.#port.chance());
    link.attempts += 1;
  }

  #open(group: Group, now: number): void {
    const { cid, relays, gate, link } = group;
    const { uid, session, device } = this.#who();
    const { node, epoch } = this.#port.relayOf(uid, relays);
    const { attempts = 0, brokenAt } = link ?? {};
    group.link = { state: "opening", since: now, at: now + OPENING_MS, attempts, brokenAt };
    this.opened += 1;
    this.#port.relay(node, { cid, uid, session, device, after: gate.seq, relays, epoch });
  }

  /** Ends a link, if there is one; the watermarks that wait still go. */
  end(group: Group, now: number): void {
    if (group.link === undefined) return;
    if (group.link.state === "open") this.#tellMarks(group, now);
    group.link = undefined;
    this.#port.unrelay(group.cid);
    this.dealAt = now;
  }

  #tellMarks(group: Group, now: number): void {
    const frames = group.marks?.take(now) ?? [];
    if (frames.length > 0) this.#port.toRelay(group.cid, JSON.stringify(frames));
  }

  /** Gives the links to the groups that were used last. */
  #deal(now: number): void {
    this.dealAt = undefined;
    const { relay_links } = this.#config.groups;
    const groups = [...this.#groups.values()];
    let links = groups.filter(({ link }) => link !== undefined).length;
    for (const group of groups.toReversed()) {
      if (group.link !== undefined || group.push !== undefined || group.gone || (links >= relay_links && !group.wanted))
        continue;
      if (links >= relay_links) {
        const least = groups.find(({ link }) => link !== undefined);
        if (least?.link === undefined || groups.indexOf(least) > groups.indexOf(group)) {
          group.wanted = false;
          continue;
        }
        if (now < least.link.since + SETTLED_MS) {
          this.dealAt = least.link.since + SETTLED_MS;
          return;
        }
        this.end(least, now);
        this.dealAt = undefined;
        links -= 1;
      }
      group.wanted = false;
      this.#open(group, now);
      links += 1;
    }
  }

  /** Does what is due. */
  tick(now: number): void {
    if (this.dealAt !== undefined && this.dealAt <= now) this.#deal(now);
    for (const group of this.#groups.values()) {
      const { link, marks } = group;
      if (link?.state === "open" && marks?.due !== undefined && marks.due <= now) this.#tellMarks(group, now);
      if (link === undefined || link.state === "open" || link.at > now) continue;
      if (link.state === "broken") this.#open(group, now);
      else {
        this.#port.unrelay(group.cid);
        this.lost(group, now);
      }
    }
  }

  /** When `tick` has something to do. */
  nextTick(): number {
    let next = this.dealAt ?? Number.POSITIVE_INFINITY;
    for (const { link, marks } of this.#groups.values()) {
      if (link === undefined) continue;
      if (link.state !== "open") next = Math.min(next, link.at);
      else if (marks?.due !== undefined) next = Math.min(next, marks.due);
    }
    return next;
  }
}
