/** Takes the steps of an account's end. A shell beside user-object.ts; which steps there are is decided by deletion.ts. */
import { directCid, type Cid, type Uid } from "../../protocol/ids.ts";
import { services, type Env } from "../../workers/env.ts";
import { Saga } from "../saga.ts";
import type { Deletion, DeletionStep } from "./deletion.ts";

/** Steps from one ring of the alarm to the next: an invocation has a budget of calls. */
const STEPS = 30;

export interface DeletionPort {
  /** The watchers learn that this user is offline. */
  gone(): void;
  /** All is deleted: what is in memory is of the past. */
  wiped(): void;
  /** There is more to do than this invocation may. */
  again(): void;
}

export class DeletionCarrier {
  readonly #uid: Uid;
  readonly #env: Env;
  readonly #deletion: Deletion;
  readonly #port: DeletionPort;
  readonly #saga: Saga<DeletionStep, Uid | undefined>;
  #steps = 0;

  constructor(uid: Uid, env: Env, deletion: Deletion, port: DeletionPort) {
    this.#uid = uid;
    this.#env = env;
    this.#deletion = deletion;
    this.#port = port;
    this.#saga = new Saga("deletion of an account", {
      next: () => this.#next(),
      take: (step) => this.#take(step),
      done: (step, last) => {
        this.#deletion.took(step, Date.now(), last);
        if (step.do === "wipe") this.#port.wiped();
      },
    });
  }

  pump(): void {
    this.#steps = 0;
    this.#saga.pump();
  }

  #next(): DeletionStep | undefined {
    const step = this.#deletion.next(Date.now());
    if (step === undefined || this.#steps < STEPS) {
      this.#steps += 1;
      return step;
    }
    this.#port.again();
    return undefined;
  }

  async #take(step: DeletionStep): Promise<Uid | undefined> {
    const { store } = services(this.#env);
    switch (step.do) {
      case "account":
        this.#port.gone();
        await store.users.remove(this.#uid, Date.now());
        await store.logins.endAll(this.#uid);
        return undefined;
      case "depart":
        await this.#depart(step.cids, step.op);
        return undefined;
      case "contacts": {
        const page = await store.contacts.list(this.#uid, step.after, step.limit);
        await this.#depart(
          page.map(({ peer }) => directCid(this.#uid, peer)),
          "",
        );
        return page.length < step.limit ? undefined : page.at(-1)?.peer;
      }
      case "wipe":
        return undefined;
    }
  }

  async #depart(cids: readonly Cid[], op: string): Promise<void> {
    await Promise.all(cids.map((cid) => services(this.#env).conversation(cid).depart(this.#uid, op)));
  }
}
