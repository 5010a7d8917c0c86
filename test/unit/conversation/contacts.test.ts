/** What two users are to each other, on a disk in memory, with a walker that dies between its steps. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/config.ts";
import type { ContactOperation } from "../../../src/durable-objects/contact-rpc.ts";
import { Contacts, type ContactStep } from "../../../src/durable-objects/conversation/contacts.ts";
import { ConversationStore } from "../../../src/durable-objects/conversation/conversation-store.ts";
import type { Uid } from "../../../src/protocol/ids.ts";
import type { Contact } from "../../../src/store/contacts.ts";
import { openSqlite } from "../../support/sqlite.ts";
import { ALICE, BOB, CHAT, START } from "./fixture.ts";

const HOUR = 3_600_000;
const other = (uid: Uid): Uid => (uid === ALICE ? BOB : ALICE);

class World {
  readonly db = openSqlite();
  contacts!: Contacts;
  now = START;
  readonly blocks = new Set<Uid>();
  /** The store's rows, and puts that are still on their way there, again. */
  readonly rows = new Map<Uid, Contact>();
  readonly late: Contact[] = [];
  /** What each system conversation was told; the same id once. */
  readonly told: { to: Uid; id: string; event: string; user: Uid; message?: string | undefined }[] = [];
  #ids = 0;

  constructor() {
    this.restart();
  }

  restart(): void {
    const store = new ConversationStore(this.db.sql, this.db.transact);
    this.contacts = new Contacts(CHAT, parseConfig(undefined), store.contacts());
  }

  id(): string {
    return `operation-${(this.#ids += 1)}`;
  }

  /** What an operation is answered: a state, or the code of a refusal. */
  try(uid: Uid, what: ContactOperation["do"], op = this.id(), message = ""): string {
    const operation = what === "request" ? ({ do: what, message } as const) : { do: what };
    const result = this.contacts.operate(uid, op, operation, (one) => this.blocks.has(one), this.now);
    return result.ok ? result.value.state : result.error.code;
  }

  put(contact: Contact): void {
    if (contact.version > (this.rows.get(contact.uid)?.version ?? 0)) this.rows.set(contact.uid, contact);
  }

  /** Takes the effect of a step, without noting that it was taken. */
  carry(step: ContactStep): void {
    if (step.do === "put") {
      this.put(step.contact);
      return void this.late.push(step.contact);
    }
    const { to, id, body } = step.notice;
    if (!this.told.some((one) => one.to === to && one.id === id)) this.told.push({ to, id, ...body });
  }

  /** Takes at most so many steps. */
  walk(steps = Number.POSITIVE_INFINITY): void {
    for (let n = 0; n < steps; n += 1) {
      const step = this.contacts.next();
      if (step === undefined) return;
      this.carry(step);
      this.contacts.done(step);
    }
  }

  /** The two rows of the store, as words. */
  shown(): string {
    return [ALICE, BOB].map((uid) => this.rows.get(uid)?.state ?? "none").join(" ");
  }
}

describe("[CON1] two users", () => {
  test("one asks, the other accepts; each is told once, and both are shown the same", () => {
    const world = new World();
    expect(world.try(ALICE, "request", "operation-a", "hi")).toBe("requested");
    world.walk();
    expect(world.shown()).toBe("requested incoming");
    expect(world.rows.get(BOB)).toMatchObject({ peer: ALICE, message: "hi", since: START });
    world.now += 5;
    expect(world.try(BOB, "accept", "operation-b")).toBe("contact");
    // First the side of the one who waits for it.
    expect(world.contacts.next()).toMatchObject({ do: "put", contact: { uid: BOB } });
    world.walk();
    expect(world.shown()).toBe("contact contact");
    expect(world.rows.get(ALICE)).toMatchObject({ message: "", since: START + 5 });
    expect(world.told).toEqual([
      { to: BOB, id: "operation-a", event: "contact_request", user: ALICE, message: "hi" },
      { to: ALICE, id: "operation-b", event: "contact_accepted", user: BOB },
    ]);
    world.db.close();
  });

  test("both ask: that is agreed, and who asked first is told", () => {
    const world = new World();
    world.try(BOB, "request");
    expect(world.try(ALICE, "request", "operation-a")).toBe("contact");
    world.walk();
    expect(world.shown()).toBe("contact contact");
    expect(world.told.map(({ to, event, user }) => [to, event, user])).toEqual([
      [ALICE, "contact_request", BOB],
      [BOB, "contact_accepted", ALICE],
    ]);
    world.db.close();
  });

  test.each<[string, Uid, ContactOperation["do"], string]>([
    ["rejects", BOB, "reject", "none"],
    ["takes it back", ALICE, "remove", "none"],
    ["takes it off the list", BOB, "remove", "none"],
    ["accepts the own request", ALICE, "accept", "not_found"],
    ["rejects the own request", ALICE, "reject", "not_found"],
    ["asks again", ALICE, "request", "requested"],
  ])("one of them %s", (_what, uid, what, expected) => {
    const world = new World();
    world.try(ALICE, "request", "operation-a", "hi");
    expect(world.try(uid, what, "operation-b", "please")).toBe(expected);
    world.walk();
    expect(world.shown()).toBe(expected === "none" ? "none none" : "requested incoming");
    expect(world.told).toHaveLength(1);
    if (expected !== "none") return world.db.close();
    // Who asked in vain waits; the other may ask meanwhile.
    world.now += HOUR - 1;
    expect(world.try(ALICE, "request")).toBe("rate_limited");
    world.restart();
    expect(world.try(ALICE, "request")).toBe("rate_limited");
    world.now += 1;
    expect(world.try(ALICE, "request")).toBe("requested");
    world.db.close();
  });

  test("who was asked in vain may ask, and the waiting is over for both when they agree", () => {
    const world = new World();
    world.try(ALICE, "request");
    world.try(BOB, "reject");
    expect(world.try(BOB, "request")).toBe("requested");
    expect(world.try(ALICE, "request")).toBe("contact");
    expect(world.try(ALICE, "remove")).toBe("none");
    expect(world.try(ALICE, "request")).toBe("requested");
    world.db.close();
  });

  test("strangers have nothing to answer, and nothing to end", () => {
    const world = new World();
    for (const what of ["accept", "reject"] as const) expect(world.try(BOB, what)).toBe("not_found");
    expect(world.try(BOB, "remove")).toBe("none");
    expect(world.contacts.idle).toBe(true);
    world.db.close();
  });

  test("who is blocked cannot ask, nor who blocks; a request between them ends, contacts stay", () => {
    const world = new World();
    world.try(ALICE, "request");
    world.blocks.add(BOB);
    world.contacts.blocked(BOB, world.now);
    world.walk();
    expect(world.shown()).toBe("none none");
    expect(world.told).toEqual([]);
    expect(world.try(ALICE, "request")).toBe("blocked");
    expect(world.try(BOB, "request")).toBe("permission_denied");
    world.blocks.clear();
    expect(world.try(BOB, "request")).toBe("requested");
    expect(world.try(ALICE, "accept")).toBe("contact");
    world.blocks.add(BOB);
    world.contacts.blocked(BOB, world.now);
    expect(world.contacts.agreed).toBe(true);
    expect(world.try(ALICE, "request")).toBe("contact");
    world.db.close();
  });

  test("the id of an operation is good for one, of one user", () => {
    const world = new World();
    world.try(ALICE, "request", "operation-a", "hi");
    expect(world.try(ALICE, "request", "operation-a", "hello")).toBe("id_conflict");
    expect(world.try(ALICE, "remove", "operation-a")).toBe("id_conflict");
    expect(world.try(BOB, "request", "operation-a", "hi")).toBe("id_conflict");
    world.restart();
    expect(world.try(ALICE, "request", "operation-a", "hi")).toBe("requested");
    world.db.close();
  });

  test("a disk that refuses: nothing has changed, and a step is taken again", () => {
    const world = new World();
    world.try(ALICE, "request", "operation-a");
    world.walk();
    for (const table of ["contact", "contact_operation"]) {
      world.db.breakTable(table);
      expect(() => world.try(BOB, "accept", "operation-b")).toThrow("disk");
      expect(world.contacts.agreed).toBe(false);
      expect(world.contacts.idle).toBe(true);
      world.db.mendTable(table);
    }
    expect(world.try(BOB, "accept", "operation-b")).toBe("contact");
    world.db.breakTable("contact");
    expect(() => world.walk()).toThrow("disk");
    world.db.mendTable("contact");
    world.walk();
    expect(world.told).toHaveLength(2);
    expect(world.contacts.idle).toBe(true);
    world.db.close();
  });

  test("of operations in masses only the newest are remembered", () => {
    const world = new World();
    for (let n = 0; n < 600; n += 1, world.now += 1) world.try(ALICE, "remove");
    const [count] = world.db.sql.exec<{ n: number }>("SELECT count(*) AS n FROM contact_operation").toArray();
    expect(count?.n).toBe(256);
    world.now += 48 * HOUR;
    world.try(ALICE, "remove");
    expect(world.db.sql.exec("SELECT id FROM contact_operation").toArray()).toHaveLength(1);
    world.db.close();
  });
});

describe("[CON1] whatever both do, in whatever order, with repetitions and crashes", () => {
  type What = ContactOperation["do"] | "block" | "unblock" | "repeat" | "begin" | "crash" | "late" | "wait";
  const act = fc.record({
    who: fc.constantFrom(ALICE, BOB),
    what: fc.constantFrom<What>(
      ...(["request", "request", "accept", "reject", "remove", "block", "unblock"] as const),
      ...(["repeat", "repeat", "begin", "crash", "crash", "late", "wait"] as const),
    ),
    at: fc.nat(1000),
    /** Steps that are taken afterwards. */
    steps: fc.nat(4),
  });

  test("nobody becomes a contact without both having said so, both are shown the same, each is told once", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const world = new World();
        /** Who has said yes and was not answered by an end. */
        let yes = new Set<Uid>();
        const done: { uid: Uid; what: ContactOperation["do"]; op: string }[] = [];
        let due: { to: Uid; id: string }[] = [];
        /** A step that is being taken while something else happens. */
        let flying: ContactStep | undefined;
        for (const { who, what, at, steps } of acts) {
          const before = { agreed: world.contacts.agreed, yes: new Set(yes) };
          if (what === "begin") {
            flying = world.contacts.next();
            if (flying !== undefined) world.carry(flying);
            continue;
          }
          if (what === "wait") world.now += HOUR;
          else if (what === "late") {
            const [put] = world.late.splice(at % Math.max(1, world.late.length), 1);
            if (put !== undefined) world.put(put);
          } else if (what === "crash") {
            const step = world.contacts.next();
            // It may have taken effect, and nobody noted it.
            if (step !== undefined && at % 2 === 0) world.carry(step);
            world.restart();
            flying = undefined;
          } else if (what === "repeat") {
            const again = done[at % Math.max(1, done.length)];
            if (again !== undefined) {
              expect(world.try(again.uid, again.what, again.op)).not.toBe("id_conflict");
              expect(world.contacts.agreed).toBe(before.agreed);
            }
          } else if (what === "unblock") world.blocks.delete(who);
          else if (what === "block") {
            world.blocks.add(who);
            world.contacts.blocked(who, world.now);
            if (yes.size < 2) yes.clear();
            due = due.filter(({ to, id }) => to !== who || world.told.some((one) => one.id === id));
          } else {
            const op = world.id();
            const answer = world.try(who, what, op);
            const refused = !["none", "requested", "incoming", "contact"].includes(answer);
            if (!refused) {
              done.push({ uid: who, what, op });
              if (what === "reject" || what === "remove") yes = new Set();
              else {
                yes.add(who);
                if (what === "accept") expect(before.yes).toContain(other(who));
                if (yes.size > before.yes.size) due.push({ to: other(who), id: op });
              }
            }
          }
          expect(world.contacts.agreed).toBe(yes.size === 2);
          if (flying !== undefined) world.contacts.done(flying);
          flying = undefined;
          world.walk(steps);
        }
        if (flying !== undefined) world.contacts.done(flying);
        world.walk();
        for (const put of world.late) world.put(put);
        const [a, b] = [yes.has(ALICE), yes.has(BOB)];
        const expected = a && b ? "contact contact" : a ? "requested incoming" : b ? "incoming requested" : "none none";
        expect(world.shown()).toBe(expected);
        expect(world.rows.get(ALICE)?.version).toBe(world.rows.get(BOB)?.version);
        expect(world.told.map(({ to, id }) => ({ to, id }))).toEqual(due);
        world.restart();
        expect(world.contacts.idle).toBe(true);
        world.db.close();
      }),
      { numRuns: 500 },
    );
  });
});
