/**
 * Takes the steps by which others learn what two users are to each other, one after another. A shell beside conversation-object.ts;
 * which steps there are is decided by contacts.ts.
 */
import { describe, log } from "../../observability/log.ts";
import { systemCid } from "../../protocol/ids.ts";
import { services, type Env } from "../../workers/env.ts";
import { backoff } from "../lanes.ts";
import { withDeadline } from "./carrier.ts";
import type { Contacts, ContactStep } from "./contacts.ts";

/** A step that has not been taken by then counts as failed, and is repeated. */
const DEADLINE_MS = 10_000;
/** First back-off and longest of a step that failed, ms. */
const RETRY = { backoff: 100, longest: 2_000 };
/** After so many attempts in a row the alarm alone tries again: a timer for ever would keep the object from sleeping. */
const ATTEMPTS = 5;
/** Requests go before what people write. */
const PRIORITY = 2;

export class ContactCarrier {
  readonly #contacts: Contacts;
  readonly #env: Env;
  /** A step was taken. */
  readonly #taken: () => void;
  #walking = false;
  #attempts = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(contacts: Contacts, env: Env, taken: () => void) {
    this.#contacts = contacts;
    this.#env = env;
    this.#taken = taken;
  }

  /** Begins to take the steps that are due. */
  pump(): void {
    clearTimeout(this.#timer);
    if (this.#walking || this.#contacts.idle) return;
    this.#walking = true;
    void this.#walk();
  }

  async #walk(): Promise<void> {
    try {
      for (let step = this.#contacts.next(); step !== undefined; step = this.#contacts.next()) {
        await withDeadline(this.#take(step), DEADLINE_MS);
        this.#contacts.done(step);
        this.#attempts = 0;
        this.#taken();
      }
      this.#walking = false;
    } catch (error) {
      this.#walking = false;
      log("warn", "contacts: a step failed", describe(error));
      this.#attempts += 1;
      if (this.#attempts > ATTEMPTS) return;
      this.#timer = setTimeout(() => this.pump(), backoff(this.#attempts, RETRY, Math.random()));
    }
  }

  #take(step: ContactStep): Promise<void> {
    const known = services(this.#env);
    if (step.do === "put") return known.store.contacts.put(step.contact);
    const { id, to, body } = step.notice;
    return known.conversation(systemCid(to)).announce(id, body.user, JSON.stringify(body), PRIORITY);
  }
}
