/** A relay with its conversation, links, and clock in a test's hands. */
import { parseConfig } from "../../../src/config/config.ts";
import type { Admission, MulticastCall, MulticastReply, RelayedEntry } from "../../../src/durable-objects/group-rpc.ts";
import type { UserMarks } from "../../../src/durable-objects/relay/marks-out.ts";
import { Relay } from "../../../src/durable-objects/relay/relay.ts";
import { RelayAttachment, RelayLink } from "../../../src/durable-objects/relay/relay-link.ts";
import { refuse, type Code } from "../../../src/protocol/codes.ts";
import { ServerFrame } from "../../../src/protocol/frames.ts";
import type { Cid, DeviceId, Uid } from "../../../src/protocol/ids.ts";
import { decodeRelayed, spansOf, type RelayAttach, type RelayUpFrame } from "../../../src/protocol/link.ts";

export const CID = `g.${"0".repeat(26)}` as Cid;
export const START = 1_800_000_000_000;
export const [ALICE, BOB, CAROL] = ["alice", "bob", "carol"] as [Uid, Uid, Uid];

/** Entries `first` to `last`, by carol's phone unless `by` names who sent one as `<uid> <device>`. */
export function entries(first: number, last: number, by: Record<number, string> = {}): RelayedEntry[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => {
    const seq = first + i;
    const [from, device] = (by[seq] ?? "carol phone").split(" ") as [Uid, DeviceId];
    const body = JSON.stringify({ text: `text ${seq}` });
    return { seq, id: `message-${seq}`, from, device, ts: START, kind: "text", body, priority: 1, count: seq };
  });
}

export class Multicaster {
  relay: Relay;
  now = START;
  epoch = 1;
  admissions: RelayLink[] = [];
  reports: (readonly UserMarks[])[] = [];
  closed: RelayLink[] = [];
  /** What was sent to each link since it was looked at, as a few words. */
  readonly #told = new Map<RelayLink, string[]>();
  readonly #kept = new Map<RelayLink, RelayAttachment>();
  readonly #config;
  /** Every text that was sent, by its link. */
  readonly texts: { link: RelayLink; text: string }[] = [];

  constructor(config: unknown = {}) {
    this.#config = parseConfig(JSON.stringify(config));
    this.relay = this.#wake([]);
  }

  /** The object sleeps and wakes with the sockets that are open; the links are new ones. */
  hibernate(): RelayLink[] {
    const kept = [...this.relay.links].flatMap((link) => this.#kept.get(link) ?? []);
    const links = kept.map((attachment) => new RelayLink(RelayAttachment.parse(structuredClone(attachment))));
    for (const link of links) this.#kept.set(link, link.attachment);
    this.relay = this.#wake(links);
    return links;
  }

  /** A session asks to listen. */
  attach(uid: Uid, change: Partial<RelayAttach> = {}): RelayLink {
    const device = change.device ?? ("phone" as DeviceId);
    const session = change.session ?? `${uid}-${device}`;
    const attach = { cid: CID, uid, session, device, after: 0, relays: 3, epoch: 1, ...change };
    const link = new RelayLink({ ...attach, lagging: false }, attach);
    this.relay.attach(link, attach);
    return link;
  }

  /** The conversation admits a link. */
  admit(link: RelayLink, head: number, change: Partial<Admission> = {}): void {
    const { after } = link;
    const value = { head, entries: entries(after + 1, head), push: false, relays: 3, ...change };
    this.relay.admitted(link, { ok: true, value }, this.now);
  }

  refuse(link: RelayLink, code: Code, retryAfter?: number): void {
    this.relay.admitted(link, { ok: false, error: refuse(code, "no", retryAfter) }, this.now);
  }

  /** A link that listens, with everything up to `head`. */
  listening(uid: Uid, head: number, change: Partial<RelayAttach> = {}): RelayLink {
    const link = this.attach(uid, { after: head, ...change });
    this.admit(link, head);
    this.take(link);
    return link;
  }

  multicast(first: number, last: number, change: Partial<MulticastCall> = {}): MulticastReply {
    const call = {
      cid: CID,
      from: first - 1,
      entries: entries(first, last),
      skip: false,
      gone: [],
      head: last,
      ...change,
    };
    return this.relay.multicast(call, this.now);
  }

  up(link: RelayLink, ...frames: (readonly ["ack" | "read", number])[]): void {
    const list = frames.map(([t, seq]): RelayUpFrame => ({ t, cid: CID, seq }));
    this.relay.frames(link, list, this.now);
  }

  wait(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const at = this.relay.nextTick();
      if (at === undefined || at > end) break;
      this.now = Math.max(this.now, at);
      this.relay.tick(this.now);
    }
    this.now = end;
  }

  /** What a link was told since the last call: `5–7` for entries, `sent 6` for an answer among them, or controls. */
  take(link: RelayLink): string[] {
    const told = this.#told.get(link) ?? [];
    this.#told.set(link, []);
    return told;
  }

  #wake(links: RelayLink[]): Relay {
    return new Relay(
      CID,
      this.#config,
      {
        send: (link, text) => {
          if (this.closed.includes(link)) throw new Error("told something after the end");
          this.texts.push({ link, text });
          this.#told.set(link, [...(this.#told.get(link) ?? []), ...wordsOf(text)]);
        },
        close: (link) => void this.closed.push(link),
        keep: (link) => void this.#kept.set(link, structuredClone(link.attachment)),
        admit: (link) => void this.admissions.push(link),
        marks: (list) => void this.reports.push(list),
        isStale: (epoch) => epoch < this.epoch,
        chance: () => 0.5,
      },
      links,
    );
  }
}

function wordsOf(text: string): string[] {
  const down = decodeRelayed(text);
  if ("control" in down) {
    const { control } = down;
    if (control.do === "ended") return [`ended ${control.why} ${control.seq}`];
    return [`${control.do} ${control.head}${control.do === "admitted" && control.hole ? " hole" : ""}`];
  }
  const frames = [JSON.parse(down.payload) as unknown].flat().map((frame) => ServerFrame.parse(frame));
  const [span] = spansOf(down.note.span);
  if (span === undefined) return frames.map(({ t }) => t);
  const seqs = frames.map((frame) => ("seq" in frame ? (frame.seq ?? 0) : 0));
  if (seqs[0] !== span.first || seqs.at(-1) !== span.last) throw new Error(`span ${down.note.span} of ${seqs.join()}`);
  const answers = frames.flatMap((frame) => (frame.t === "sent" ? [frame.id] : []));
  if (answers.join() !== down.note.done.join()) throw new Error(`done ${down.note.done.join()} of ${answers.join()}`);
  return [`${span.first}–${span.last}`, ...answers.map((id) => `sent ${id}`)];
}
