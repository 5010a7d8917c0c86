/**
 * The links of one user: which sessions of which devices are connected, and what each device has been handed without
 * acknowledging it (FLW1). Pure; the sockets behind the links are the shell's.
 */
import { z } from "zod";
import { DeviceId, type Cid } from "../../protocol/ids.ts";
import { Window } from "../window.ts";

/** What survives hibernation with a socket. Everything else of a link is memory only and starts anew. */
export const Attachment = z.object({
  session: z.string(),
  device: DeviceId,
  started: z.number(),
  login: z.string().optional(),
  lagging: z.boolean(),
});
export type Attachment = z.infer<typeof Attachment>;

export class Link {
  readonly session: string;
  readonly device: DeviceId;
  readonly started: number;
  readonly login: string | undefined;
  /** The device does not acknowledge: it is told heads only. */
  lagging: boolean;
  /** Conversations whose heads a lagging device has not been told yet. */
  readonly behind = new Set<Cid>();
  /** Seqs that the client got over an earlier link of its session: they are not handed to it again (ORD2). */
  readonly #floors: ReadonlyMap<string, number>;
  readonly #window = new Window();

  constructor(attachment: Attachment, seen: Readonly<Record<string, number>> = {}) {
    this.#floors = new Map(Object.entries(seen));
    this.session = attachment.session;
    this.device = attachment.device;
    this.started = attachment.started;
    this.login = attachment.login;
    this.lagging = attachment.lagging;
  }

  get attachment(): Attachment {
    const { session, device, started, login, lagging } = this;
    return login === undefined ? { session, device, started, lagging } : { session, device, started, login, lagging };
  }

  /** The client has had this entry already. */
  had(cid: Cid, seq: number): boolean {
    return seq <= (this.#floors.get(cid) ?? 0);
  }

  /** A message was handed to the device. True: the window is full now. */
  hand(cid: Cid, seq: number, window: number): boolean {
    this.#window.hand(cid, seq);
    return this.#window.unacknowledged >= window;
  }

  /** The device has everything up to `seq`. True: a window that was full has room again. */
  acknowledge(cid: Cid, seq: number, window: number): boolean {
    this.#window.acknowledge(cid, seq);
    return this.lagging && this.#window.unacknowledged <= window / 2;
  }

  get unacknowledged(): number {
    return this.#window.unacknowledged;
  }
}
