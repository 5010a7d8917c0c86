/**
 * A crowd: many connections of one group or room, some of which write. A message is in flight until everybody else in this
 * process has it; at a fixed rate it is not waited for. Its text tells when it was written, by a clock that all processes share.
 */
import { randomBytes } from "node:crypto";
import type { WebSocket } from "ws";
import { makeUlid } from "../src/protocol/ids.ts";
import type { Exchange } from "./exchanges.ts";
import { fail, hello, open, type Frame } from "./socket.ts";

/** The part of a crowd that one process plays. */
export interface CrowdTask {
  /** The group's cid, or the room's name. */
  readonly to: string;
  /** Tells the messages of this run from those of others. */
  readonly run: string;
  /** One connection each: an access token, or a name. The first `senders` write. */
  readonly members: readonly string[];
  readonly senders: number;
  /** Messages in flight of each sender; or so many a second, from all senders here together. */
  readonly inFlight: number;
  readonly perSecond: number | undefined;
}

const PAD = "a message of a hundred bytes ".repeat(4);
/** Connections that are opened at a time. */
const AT_ONCE = 50;
/** How long an acknowledgement waits for company, ms. */
const ACK_MS = 100;

interface Member {
  socket: WebSocket;
  received: number;
  sent: number;
  /** Seq of the newest entry of this run, own ones too. */
  last: number;
  acks: ReturnType<typeof setTimeout> | undefined;
}

abstract class CrowdExchange implements Exchange {
  protected readonly task: CrowdTask;
  readonly #received: (latency: number) => void;
  readonly #members: Member[] = [];
  /** Who wrote a message that is in flight, and how many here have to receive it, by id. */
  readonly #pending = new Map<string, { readonly writer: Member; left: number }>();
  readonly #unanswered = new Set<string>();
  #stopped = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(task: CrowdTask, received: (latency: number) => void) {
    this.task = task;
    this.#received = received;
  }

  protected abstract join(url: string, member: string, frames: (frames: readonly Frame[]) => void): Promise<WebSocket>;
  protected abstract frame(id: string, text: string): string;
  /** An own message is answered. */
  protected abstract readonly answers: boolean;

  async connect(url: string): Promise<void> {
    const { members } = this.task;
    for (let i = 0; i < members.length; i += AT_ONCE) {
      await Promise.all(members.slice(i, i + AT_ONCE).map((member) => this.#join(url, member)));
    }
  }

  async #join(url: string, name: string): Promise<void> {
    const member = { received: 0, sent: 0, last: 0 } as Member;
    // In the order of the task, whoever connects first.
    this.#members.push(member);
    member.socket = await this.join(url, name, (frames) => this.#take(member, frames));
  }

  go(): void {
    const { perSecond, inFlight, senders } = this.task;
    const writers = this.#members.slice(0, senders);
    if (perSecond === undefined) {
      for (const writer of writers) for (let i = 0; i < inFlight; i += 1) this.#send(writer);
    } else if (writers.length > 0) {
      let turn = 0;
      this.#timer = setInterval(() => this.#send(writers[(turn += 1) % writers.length] as Member), 1000 / perSecond);
    }
  }

  stop(): number {
    this.#stopped = true;
    clearInterval(this.#timer);
    return this.#members.reduce((sum, { sent }) => sum + sent, 0);
  }

  drained(total: number): boolean {
    return this.#unanswered.size === 0 && this.#members.every(({ received, sent }) => received + sent === total);
  }

  /** What is missing, in words. */
  missing(total: number): string {
    const lacking = this.#members.map(({ received, sent }) => total - received - sent).filter((count) => count > 0);
    return `${this.#unanswered.size} without an answer; ${lacking.length} lack up to ${Math.max(0, ...lacking)} of ${total}`;
  }

  close(): void {
    for (const { socket, acks } of this.#members) {
      clearTimeout(acks);
      socket.close();
    }
  }

  #send(member: Member): void {
    const id = makeUlid(Date.now(), randomBytes(16));
    if (this.task.perSecond === undefined) this.#pending.set(id, { writer: member, left: this.#members.length - 1 });
    if (this.answers) this.#unanswered.add(id);
    member.sent += 1;
    member.socket.send(this.frame(id, `${this.task.run} ${clock().toFixed(3)} ${PAD}`.slice(0, 100)));
  }

  #take(member: Member, frames: readonly Frame[]): void {
    let heard: Frame | undefined;
    for (const frame of frames) {
      if (frame.t === "sent") {
        this.#unanswered.delete(frame.id ?? "");
        this.#follow(member, frame);
      } else if (this.#isOfThisRun(frame)) {
        if (frame.t === "message") this.#follow(member, frame);
        heard = frame;
        this.#hear(member, frame);
      }
    }
    if (heard?.t !== "message" || member.acks !== undefined) return;
    // One for all that comes within this time.
    const ack = (): void => {
      member.acks = undefined;
      member.socket.send(`{"t":"ack","cid":"${heard.cid}","seq":${member.last}}`);
    };
    member.acks = setTimeout(ack, ACK_MS);
  }

  /** Entries come in order, each once, and none is left out. */
  #follow(member: Member, { seq = 0 }: Frame): void {
    if (member.last > 0 && seq !== member.last + 1) fail(`seq ${seq} after ${member.last}`);
    member.last = seq;
  }

  #isOfThisRun({ text, body }: Frame): boolean {
    return (text ?? body?.text ?? "").startsWith(this.task.run);
  }

  #hear(member: Member, { id = "", text, body }: Frame): void {
    member.received += 1;
    this.#received(clock() - Number((text ?? body?.text ?? "").split(" ", 2)[1]));
    const flying = this.#pending.get(id);
    if (flying === undefined) return;
    flying.left -= 1;
    if (flying.left > 0) return;
    this.#pending.delete(id);
    if (!this.#stopped) this.#send(flying.writer);
  }
}

/** ms, the same in all processes of the machine. */
function clock(): number {
  return performance.timeOrigin + performance.now();
}

export class RoomCrowd extends CrowdExchange {
  protected readonly answers = false;

  protected join(url: string, member: string, frames: (frames: readonly Frame[]) => void): Promise<WebSocket> {
    return open(`${url}${this.task.to}?name=${member}`, frames);
  }

  protected frame(id: string, text: string): string {
    return `{"id":"${id}","text":"${text}"}`;
  }
}

export class OurCrowd extends CrowdExchange {
  protected readonly answers = true;

  /** With all heads first: what follows is then new. */
  protected join(url: string, member: string, frames: (frames: readonly Frame[]) => void): Promise<WebSocket> {
    return hello(url, member, 0, "synced", frames);
  }

  protected frame(id: string, text: string): string {
    return `{"t":"send","id":"${id}","to":"${this.task.to}","body":{"text":"${text}"}}`;
  }
}
