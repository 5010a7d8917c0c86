/** /v1/contacts. */
import { createRoute, z } from "@hono/zod-openapi";
import { makeUlid, Uid } from "../../../protocol/ids.ts";
import type { User } from "../../../store/store.ts";
import { line } from "../text-rules.ts";
import { acceptContact, listContacts, operate, requestContact } from "./contact-actions.ts";
import { changeId, IdempotencyKey } from "./idempotency.ts";
import { keyed } from "./keyed.ts";
import { random } from "./random.ts";
import { body, json, refused, refusals, type App } from "./respond.ts";
import { Card, card, Limit, UidParam } from "./views.ts";

const State = z.enum(["requested", "incoming", "contact"]).openapi({
  description: "`requested`: one has asked; `incoming`: one was asked; `contact`: both want it.",
});

const Contact = z
  .object({
    user: Card,
    state: State,
    message: z.string().optional().openapi({ description: "What the request said, until it is answered." }),
    since: z.number().int().openapi({ description: "When the state began, ms since the epoch." }),
  })
  .openapi("Contact");

/** After a repetition of a request that was ended meanwhile, the two are nothing to each other. */
const Outcome = z.object({ ...Contact.shape, state: z.enum([...State.options, "none"]) }).openapi("ContactOutcome");

const ContactPage = z.object({ contacts: z.array(Contact), next: Uid.optional() }).openapi("ContactPage");
const OneContact = z.object({ contact: Outcome });

const NewContact = z.object({ user: Uid, message: line(512).optional() }).openapi("NewContact");

const Key = IdempotencyKey("A repetition within 24 h changes nothing more.");

const tags = ["contacts"];

const listRoute = createRoute({
  method: "get",
  path: "/v1/contacts",
  operationId: "listContacts",
  summary: "One's contacts and requests, in the order of the users' ids",
  tags,
  request: {
    query: z.object({
      state: State.optional(),
      cursor: Uid.optional().openapi({ description: "`next` of the page before." }),
      limit: Limit(100, 50),
    }),
  },
  responses: { 200: json("A page of contacts.", ContactPage), ...refusals },
});

const newRoute = createRoute({
  method: "post",
  path: "/v1/contacts",
  operationId: "requestContact",
  summary: "Ask a user to be a contact; whoever was asked by that user accepts by it",
  tags,
  request: { headers: Key, body: body(NewContact) },
  responses: { 202: json("How one stands to the user now.", OneContact), ...refusals },
});

const acceptRoute = createRoute({
  method: "post",
  path: "/v1/contacts/{uid}/accept",
  operationId: "acceptContact",
  summary: "Accept a user's request",
  tags,
  request: { params: UidParam, headers: Key },
  responses: { 200: json("The contact.", OneContact), ...refusals },
});

const rejectRoute = createRoute({
  method: "post",
  path: "/v1/contacts/{uid}/reject",
  operationId: "rejectContact",
  summary: "Reject a user's request; nobody is told",
  tags,
  request: { params: UidParam, headers: Key },
  responses: { 204: { description: "Rejected." }, ...refusals },
});

const removeRoute = createRoute({
  method: "delete",
  path: "/v1/contacts/{uid}",
  operationId: "removeContact",
  summary: "End a contact, or a request of whichever of the two; nobody is told",
  tags,
  request: { params: UidParam },
  responses: { 204: { description: "No contact, and no request." }, ...refusals },
});

/** Adds the routes of contacts. */
export function contactRoutes(app: App): void {
  app.openapi(listRoute, async (c) => {
    const { state, cursor, limit } = c.req.valid("query");
    const page = await listContacts(c.get("services"), c.get("identity").uid, cursor, limit, state);
    return c.json({ ...page, contacts: page.contacts.map(shown) }, 200);
  });

  app.openapi(newRoute, async (c) => {
    const services = keyed(c.get("services"));
    if (!services.ok) return refused(c, services.error);
    const { user, message = "" } = c.req.valid("json");
    const key = c.req.valid("header")["idempotency-key"];
    const { uid } = c.get("identity");
    const contact = await requestContact(services.value, uid, { user, message }, key, Date.now(), random);
    return contact.ok ? c.json({ contact: shown(contact.value) }, 202) : refused(c, contact.error);
  });

  app.openapi(acceptRoute, async (c) => {
    const services = keyed(c.get("services"));
    if (!services.ok) return refused(c, services.error);
    const { uid: peer } = c.req.valid("param");
    const { uid } = c.get("identity");
    const key = c.req.valid("header")["idempotency-key"];
    const op = await changeId(services.value, uid, `POST /v1/contacts/${peer}/accept`, key, Date.now(), random);
    const contact = await acceptContact(services.value, uid, peer, op);
    return contact.ok ? c.json({ contact: shown(contact.value) }, 200) : refused(c, contact.error);
  });

  app.openapi(rejectRoute, async (c) => {
    const services = keyed(c.get("services"));
    if (!services.ok) return refused(c, services.error);
    const { uid: peer } = c.req.valid("param");
    const { uid } = c.get("identity");
    const key = c.req.valid("header")["idempotency-key"];
    const op = await changeId(services.value, uid, `POST /v1/contacts/${peer}/reject`, key, Date.now(), random);
    const done = await operate(services.value, uid, peer, op, { do: "reject" });
    return done.ok ? c.body(null, 204) : refused(c, done.error);
  });

  app.openapi(removeRoute, async (c) => {
    const op = makeUlid(Date.now(), random(16));
    const { uid: peer } = c.req.valid("param");
    const done = await operate(c.get("services"), c.get("identity").uid, peer, op, { do: "remove" });
    return done.ok ? c.body(null, 204) : refused(c, done.error);
  });
}

function shown<S extends string>({
  user,
  state,
  message,
  since,
}: {
  user: User;
  state: S;
  message: string;
  since: number;
}) {
  return { user: card(user), state, since, ...(message !== "" && { message }) };
}
