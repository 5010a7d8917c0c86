/**
 * Display names of the peers of direct chats, filled in when they are known. Nobody tells this object of a rename, which would cost a
 * call to everybody who has a chat with that user: who is told a head is told an old name at first, and a new one soon after it.
 */
import { kindOf, peerOf, type Cid, type Uid } from "../../protocol/ids.ts";
import type { Devices } from "./devices.ts";
import type { Heads } from "./heads.ts";
import type { UserPort } from "./user-port.ts";
import type { HeadRow } from "./user-store.ts";
import type { WriteBehind } from "./write-behind.ts";

/** A name is not asked for again before, ms. It costs a lookup in the cache, and a row only when it is another. */
const FRESH_MS = 3_600_000;

export class PeerNames {
  readonly #self: Uid;
  readonly #heads: Heads;
  readonly #port: UserPort;
  readonly #writes: WriteBehind;
  readonly #devices: Devices;
  /** When it was asked since the wake: a name that could not be found out is not asked for with every message. */
  readonly #asked = new Map<Cid, number>();

  constructor(self: Uid, port: UserPort, parts: { heads: Heads; writes: WriteBehind; devices: Devices }) {
    this.#self = self;
    this.#port = port;
    this.#heads = parts.heads;
    this.#writes = parts.writes;
    this.#devices = parts.devices;
  }

  /** Asks for the names in these heads, but for those that were asked for lately. */
  ask(rows: readonly HeadRow[], now: number): void {
    const peers = new Map<Cid, Uid>();
    for (const { cid } of rows) {
      const peer = kindOf(cid) === "direct" ? peerOf(cid, this.#self) : undefined;
      if (peer !== undefined && now - (this.#asked.get(cid) ?? -Infinity) >= FRESH_MS) peers.set(cid, peer);
    }
    if (peers.size === 0) return;
    for (const cid of peers.keys()) this.#asked.set(cid, now);
    this.#port.names([...peers.values()], (names, later) => {
      for (const [cid, peer] of peers) {
        const name = names?.get(peer);
        if (names === undefined) this.#asked.delete(cid);
        const known = this.#heads.get(cid)?.name;
        if (name === undefined || known === undefined || known === name) continue;
        this.#heads.change(cid, { name }, this.#heads.nextVersion(later));
        this.#writes.later(later);
        this.#devices.tellHead(cid);
      }
    });
  }
}
