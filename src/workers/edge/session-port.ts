/** What a client's session asks of the world: the shell (connection.ts) carries it out over sockets. Nothing here throws. */
import type { Cid, Uid } from "../../protocol/ids.ts";
import type { Attach, RelayAttach } from "../../protocol/link.ts";

/** Who a token belongs to. */
export interface Who {
  readonly uid: Uid;
  readonly login?: string | undefined;
}

export interface SessionPort extends RelayPort {
  /** Text to the client. */
  send(text: string): void;
  /** Ends the client's connection. */
  close(code: number, reason: string): void;
  /** Checks a token; answered by `authenticated`. */
  authenticate(token: string): void;
  /** Opens a link to the user's object; answered by `linked` or `linkLost`. */
  link(uid: Uid, attach: Attach): void;
  /** Text over the link. */
  forward(text: string): void;
  /** Closes the link, if there is one. */
  unlink(): void;
  requestId(): string;
  /** In [0, 1). */
  chance(): number;
}

/** Relay links, one per group. */
export interface RelayPort {
  /** Which of a group's relays a user's devices listen to, by the routing table of that epoch. */
  relayOf(uid: Uid, relays: number): { readonly node: number; readonly epoch: number };
  /** The routing table is out of date. */
  refreshRoutes(): void;
  /** Opens a link to a relay; the relay speaks first (`fromRelay`), or `relayLost`. */
  relay(node: number, attach: RelayAttach): void;
  /** Text over a relay link. */
  toRelay(cid: Cid, text: string): void;
  /** Closes a relay link, also one that is being opened: nothing is heard of it any more. */
  unrelay(cid: Cid): void;
  /** In [0, 1). */
  chance(): number;
}
