/** Display names of the peers of direct chats, filled in when they are known; a list shows the uid until then. */
import { kindOf, peerOf, type Cid, type Uid } from "../../protocol/ids.ts";
import type { Devices } from "./devices.ts";
import type { Heads } from "./heads.ts";
import type { UserPort } from "./user-port.ts";
import type { HeadRow } from "./user-store.ts";
import type { WriteBehind } from "./write-behind.ts";

export class PeerNames {
  readonly #self: Uid;
  readonly #heads: Heads;
  readonly #port: UserPort;
  readonly #writes: WriteBehind;
  readonly #devices: Devices;
  /** Asked since the wake: a name that could not be found out is not asked for with every message. */
  readonly #asked = new Set<Cid>();

  constructor(self: Uid, port: UserPort, parts: { heads: Heads; writes: WriteBehind; devices: Devices }) {
    this.#self = self;
    this.#port = port;
    this.#heads = parts.heads;
    this.#writes = parts.writes;
    this.#devices = parts.devices;
  }

  /** Asks for the names that are missing in these heads. */
  ask(rows: readonly HeadRow[]): void {
    const peers = new Map<Cid, Uid>();
    for (const { cid, name } of rows) {
      const peer = kindOf(cid) === "direct" && name === "" ? peerOf(cid, this.#self) : undefined;
      if (peer !== undefined && !this.#asked.has(cid)) peers.set(cid, peer);
    }
    if (peers.size === 0) return;
    for (const cid of peers.keys()) this.#asked.add(cid);
    this.#port.names([...peers.values()], (names, now) => {
      for (const [cid, peer] of peers) {
        const name = names?.get(peer);
        if (names === undefined) this.#asked.delete(cid);
        if (name === undefined || this.#heads.get(cid)?.name !== "") continue;
        this.#heads.change(cid, { name: name }, this.#heads.nextVersion(now));
        this.#writes.later(now);
        this.#devices.tellHead(cid);
      }
    });
  }
}
