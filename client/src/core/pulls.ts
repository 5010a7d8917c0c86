/** Which pages are asked for, a few at a time. Pure. */

/** `fill`: what follows what is held. `older`: what comes before it, for whoever waits under `ticket`. */
export type Want =
  | { readonly kind: "fill"; readonly cid: string }
  | { readonly kind: "older"; readonly cid: string; readonly limit: number; readonly ticket: number };

/** Pages without an answer at a time. */
const FLYING = 4;
/** No answer in this time: asked again. */
const PATIENCE_MS = 20_000;
const AGAIN_MS = 1_000;

interface Flying {
  readonly want: Want;
  readonly since: number;
  /** The bound that was asked for; undefined: the newest. */
  readonly bound: number | undefined;
}

export class Pulls {
  readonly #waiting = new Map<string, { want: Want; notBefore: number }>();
  readonly #flying = new Map<string, Flying>();
  #reqs = 0;

  /** Asks for a page, once the connection allows it. The same want twice is one. */
  want(want: Want, first = false): void {
    const key = keyOf(want);
    if (this.#waiting.has(key)) return;
    for (const { want: other } of this.#flying.values()) if (keyOf(other) === key) return;
    const before = first ? [...this.#waiting] : [];
    if (first) this.#waiting.clear();
    this.#waiting.set(key, { want, notBefore: 0 });
    for (const [other, waiting] of before) this.#waiting.set(other, waiting);
  }

  /** What to ask now, at most `room`. */
  next(now: number, room: number): Want[] {
    const found: Want[] = [];
    for (const { want, notBefore } of this.#waiting.values()) {
      if (this.#flying.size + found.length >= FLYING || found.length >= room) break;
      if (notBefore <= now) found.push(want);
    }
    return found;
  }

  /** It is being asked; the name to ask it by. */
  asked(want: Want, bound: number | undefined, now: number): string {
    this.#waiting.delete(keyOf(want));
    this.#reqs += 1;
    const req = `p${this.#reqs}`;
    this.#flying.set(req, { want, bound, since: now });
    return req;
  }

  /** It needs no asking. */
  drop(want: Want): void {
    this.#waiting.delete(keyOf(want));
  }

  /** What this answers; undefined when it answers nothing any more. */
  answered(req: string | number): { want: Want; bound: number | undefined } | undefined {
    const found = this.#flying.get(String(req));
    this.#flying.delete(String(req));
    return found;
  }

  /** Once more, later. */
  again(want: Want, notBefore: number): void {
    this.#waiting.set(keyOf(want), { want, notBefore });
  }

  /** The connection is gone: all that is unanswered is asked again. */
  grounded(): void {
    for (const { want } of this.#flying.values()) this.#waiting.set(keyOf(want), { want, notBefore: 0 });
    this.#flying.clear();
  }

  /** Asks again what was not answered in all this time. */
  check(now: number): void {
    for (const [req, { want, since }] of this.#flying) {
      if (now < since + PATIENCE_MS) continue;
      this.#flying.delete(req);
      this.#waiting.set(keyOf(want), { want, notBefore: now + AGAIN_MS });
    }
  }

  nextTick(now: number): number {
    let next = Infinity;
    for (const { since } of this.#flying.values()) next = Math.min(next, since + PATIENCE_MS);
    if (this.#flying.size >= FLYING) return next;
    for (const { notBefore } of this.#waiting.values()) if (notBefore > now) next = Math.min(next, notBefore);
    return next;
  }
}

function keyOf(want: Want): string {
  return want.kind === "fill" ? `fill ${want.cid}` : `older ${want.cid} ${want.ticket}`;
}
