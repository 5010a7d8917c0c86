/** One relay link: whose it is, from where on it listens, and what its device has not acknowledged (FLW1). Pure. */
import { z } from "zod";
import { DeviceId, Uid, type Cid } from "../../protocol/ids.ts";
import type { RelayAttach } from "../../protocol/link.ts";
import { Window } from "../window.ts";
import type { Batch } from "./batch.ts";

/** What survives hibernation with a socket. Everything else of a link is memory only. */
export const RelayAttachment = z.object({
  session: z.string(),
  uid: Uid,
  device: DeviceId,
  lagging: z.boolean(),
  /** The head when it was admitted; undefined: it was not yet. */
  since: z.number().optional(),
});
export type RelayAttachment = z.infer<typeof RelayAttachment>;

/** Until the conversation has admitted a link, what is multicast waits. */
export interface Joining {
  readonly attach: RelayAttach;
  batches: Batch[];
  /** Too much has come meanwhile, or some was left out: it begins anew. */
  again: boolean;
  /** What multicasts said meanwhile: the user is no member after these entries, the group went to push mode after one. */
  gone: readonly number[];
  end: number | undefined;
}

export class RelayLink {
  readonly session: string;
  readonly uid: Uid;
  readonly device: DeviceId;
  readonly window = new Window();
  lagging: boolean;
  since: number | undefined;
  joining: Joining | undefined;
  /** It has all entries up to here, or was told of the hole; not known after hibernation, when edges drop what they have. */
  after = 0;
  /** Entries were left out that it has not been told of. */
  missed = false;
  /** The newest `read` of its user that it knows of. */
  read = 0;

  constructor(kept: RelayAttachment, attach?: RelayAttach) {
    this.session = kept.session;
    this.uid = kept.uid;
    this.device = kept.device;
    this.lagging = kept.lagging;
    this.since = kept.since;
    if (attach === undefined) return;
    this.after = attach.after;
    this.joining = { attach, batches: [], again: false, gone: [], end: undefined };
  }

  get attachment(): RelayAttachment {
    const { session, uid, device, lagging, since } = this;
    return { session, uid, device, lagging, ...(since !== undefined && { since }) };
  }

  /**
   * Takes the entries of a batch up to `until` as handed: the last one for which the window has room. `own` entries are answers
   * and need none.
   */
  room(
    cid: Cid,
    batch: Batch,
    until: number,
    limit: number,
    own: (entry: Batch["entries"][number]) => boolean,
  ): number {
    let last = this.after;
    for (const entry of batch.entries) {
      if (entry.seq <= this.after || entry.seq > until) continue;
      if (!own(entry)) {
        if (this.window.unacknowledged >= limit) return last;
        this.window.hand(cid, entry.seq);
      }
      last = entry.seq;
    }
    return last;
  }
}
