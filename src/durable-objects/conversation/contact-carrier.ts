/**
 * Takes the steps by which others learn what two users are to each other. A shell beside conversation-object.ts; which steps there are
 * is decided by contacts.ts.
 */
import { systemCid } from "../../protocol/ids.ts";
import { services, type Env } from "../../workers/env.ts";
import { Saga } from "../saga.ts";
import type { Contacts, ContactStep } from "./contacts.ts";

/** Requests go before what people write. */
const PRIORITY = 2;

/** `taken` is told of each step that was taken. */
export function contactCarrier(contacts: Contacts, env: Env, taken: () => void): Saga<ContactStep> {
  return new Saga<ContactStep>("contacts", {
    next: () => contacts.next(),
    take(step) {
      const known = services(env);
      if (step.do === "put") return known.store.contacts.put(step.contact);
      const { id, to, body } = step.notice;
      return known.conversation(systemCid(to)).announce(id, body.user, JSON.stringify(body), PRIORITY);
    },
    done(step) {
      contacts.done(step);
      taken();
    },
  });
}
