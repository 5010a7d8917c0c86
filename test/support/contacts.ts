/** People who ask each other to be contacts, through the HTTP API inside the runtime. */
import { directCid, systemCid, type Cid } from "../../src/protocol/ids.ts";
import type { MessageView } from "../../src/protocol/frames.ts";
import type { Device } from "./device.ts";
import { as, person, type Person } from "./groups.ts";
import type { Answer, Call } from "./http.ts";

export interface Pair {
  readonly alice: Person;
  readonly bob: Person;
  /** Their direct chat. */
  readonly cid: Cid;
}

/** Two people who are strangers. */
export async function strangers(): Promise<Pair> {
  const [alice, bob] = [await person(), await person()];
  return { alice, bob, cid: directCid(alice.uid, bob.uid) };
}

/** Two people who are contacts. */
export async function friends(): Promise<Pair> {
  const pair = await strangers();
  for (const answer of [await asked(pair.alice, pair.bob), await answered(pair.bob, "accept", pair.alice)]) {
    if (answer.status > 202) throw new Error(`no contacts: ${answer.text}`);
  }
  return pair;
}

export function asked(who: Person, whom: Person, message?: string, more: Call = {}): Promise<Answer> {
  return as(who, "POST /v1/contacts", { user: whom.uid, ...(message !== undefined && { message }) }, more);
}

export function answered(who: Person, how: "accept" | "reject", whom: Person, more: Call = {}): Promise<Answer> {
  return as(who, `POST /v1/contacts/${whom.uid}/${how}`, undefined, more);
}

export function removed(who: Person, whom: Person): Promise<Answer> {
  return as(who, `DELETE /v1/contacts/${whom.uid}`);
}

/** Whom somebody is shown, each as `<uid> <state>`. */
export async function shownTo(who: Person, query = ""): Promise<string[]> {
  const { json } = await as(who, `GET /v1/contacts${query}`);
  return (json["contacts"] as { user: { id: string }; state: string }[]).map(
    ({ user, state }) => `${user.id} ${state}`,
  );
}

/** The bodies of somebody's system conversation. */
export async function toldTo(who: Person, device: Device): Promise<unknown[]> {
  const entries: MessageView[] = await device.history(systemCid(who.uid));
  return entries.map(({ body }) => body);
}
