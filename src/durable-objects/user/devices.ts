/**
 * The connected devices of one user, and everything that is said to them. A device that does not acknowledge is told
 * heads only (FLW1).
 */
import type { Refusal } from "../../protocol/codes.ts";
import type { Ref } from "../../protocol/codec.ts";
import type { Cid } from "../../protocol/ids.ts";
import { encodeDown, type Note } from "../../protocol/link.ts";
import type { Heads } from "./heads.ts";
import type { Link } from "./links.ts";
import * as make from "./server-frames.ts";
import type { UserPort } from "./user-port.ts";
import type { HeadRow } from "./user-store.ts";

/** How often a device that does not acknowledge is told the heads that moved, ms. */
const BEHIND_MS = 1000;

export class Devices {
  readonly links = new Set<Link>();
  readonly #heads: Heads;
  readonly #port: UserPort;
  #behindAt: number | undefined;

  constructor(heads: Heads, port: UserPort, links: readonly Link[]) {
    this.#heads = heads;
    this.#port = port;
    for (const link of links) this.links.add(link);
  }

  /** The link of a session, when it is connected. */
  of(session: string): Link | undefined {
    for (const link of this.links) if (link.session === session) return link;
    return undefined;
  }

  /** Frames to one device, in as few messages as the sizes allow. */
  tell(link: Link, frames: readonly string[], note: Partial<Note> = {}): void {
    const batches = make.pack(frames, (frame) => frame);
    for (const [i, batch] of batches.entries()) {
      // The note stands on the last batch: what it says is only true once all of them have arrived.
      const { version = 0, done = [], about = "", seen = "", span = "" } = note;
      const last = i === batches.length - 1;
      const told = last ? { version, done, about, seen, span } : { version: 0, done: [], about, seen: "", span: "" };
      this.#port.send(link, encodeDown(told, batch));
    }
  }

  /** One frame to all devices but one. */
  tellAll(frame: string, except?: Link, about = ""): void {
    for (const link of this.links) if (link !== except) this.tell(link, [frame], { about });
  }

  /** An error to one device; `key`: the request that it answers. */
  refuse(link: Link, refusal: Refusal, ref: Ref | undefined, key?: string): void {
    const frame = make.errorFrame(refusal, ref, this.#port.requestId());
    this.tell(link, [frame], { done: key === undefined ? [] : [key] });
  }

  /** A device will be told this head instead of the message: at once if it may, else with others a little later. */
  fallBehind(link: Link, cid: Cid, at: number, atOnce: boolean): void {
    link.behind.add(cid);
    if (atOnce && !link.lagging) this.tellBehind(link);
    else this.#behindAt ??= at + BEHIND_MS;
  }

  /** Tells a device the heads it is behind with. */
  tellBehind(link: Link): void {
    const rows = [...link.behind].flatMap((cid) => this.#heads.get(cid) ?? []);
    link.behind.clear();
    this.tellHeads(link, rows);
  }

  /** Tells a device these heads. */
  tellHeads(link: Link, rows: readonly HeadRow[]): void {
    const views = rows.toSorted((a, b) => a.version - b.version).map((row) => this.#heads.view(row));
    for (const { frame, version, span } of make.headsFrames(views)) this.tell(link, [frame], { version, span });
  }

  /** Tells all devices a head that changed by itself. */
  tellHead(cid: Cid): void {
    for (const link of this.links) {
      link.behind.add(cid);
      this.tellBehind(link);
    }
  }

  tick(now: number): void {
    if (this.#behindAt === undefined || this.#behindAt > now) return;
    this.#behindAt = undefined;
    for (const link of this.links) if (link.behind.size > 0) this.tellBehind(link);
  }

  nextTick(): number | undefined {
    return this.#behindAt;
  }
}
