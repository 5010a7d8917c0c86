/** Who is writing: here, throttled; and elsewhere, until it lapses. Pure. */

/** What is not renewed lapses. */
const LAPSE_MS = 6_000;
/** Renewed so often while somebody goes on writing. */
const RENEW_MS = 3_000;

export class Typing {
  readonly #others = new Map<string, Map<string, number>>();
  /** When it was last said of oneself, by conversation. */
  readonly #said = new Map<string, number>();
  readonly #tell: (cid: string, user: string, on: boolean) => void;

  constructor(tell: (cid: string, user: string, on: boolean) => void) {
    this.#tell = tell;
  }

  /** Who writes in a conversation now. */
  in(cid: string): string[] {
    return [...(this.#others.get(cid)?.keys() ?? [])];
  }

  told(cid: string, user: string, on: boolean, now: number): void {
    const users = this.#others.get(cid) ?? new Map<string, number>();
    this.#others.set(cid, users);
    const was = users.has(user);
    if (on) users.set(user, now + LAPSE_MS);
    else users.delete(user);
    if (was !== on) this.#tell(cid, user, on);
  }

  /** Who has written is done with writing. */
  wrote(cid: string, user: string): void {
    if (this.#others.get(cid)?.delete(user)) this.#tell(cid, user, false);
  }

  /** Somebody writes here, or has stopped. True: the others are to be told. */
  write(cid: string, on: boolean, now: number): boolean {
    const said = this.#said.get(cid);
    if (!on) return this.#said.delete(cid);
    if (said !== undefined && now < said + RENEW_MS) return false;
    this.#said.set(cid, now);
    return true;
  }

  /** What was written here is sent; that says enough. */
  sent(cid: string): void {
    this.#said.delete(cid);
  }

  /** Without a connection nobody is seen writing. */
  grounded(): void {
    this.#said.clear();
    for (const [cid, users] of this.#others) {
      for (const user of users.keys()) this.#tell(cid, user, false);
    }
    this.#others.clear();
  }

  tick(now: number): void {
    for (const [cid, users] of this.#others) {
      for (const [user, until] of users) {
        if (now < until) continue;
        users.delete(user);
        this.#tell(cid, user, false);
      }
    }
  }

  nextTick(): number {
    let next = Infinity;
    for (const users of this.#others.values()) for (const until of users.values()) next = Math.min(next, until);
    return next;
  }
}
