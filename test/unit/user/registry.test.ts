import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/config.ts";
import { migrate } from "../../../src/durable-objects/migrate.ts";
import type { DeviceState } from "../../../src/durable-objects/rpc.ts";
import { USER_SCHEMA } from "../../../src/durable-objects/user/user-schema.ts";
import type { DeviceId } from "../../../src/protocol/ids.ts";
import { openSqlite } from "../../support/sqlite.ts";
import { Alice, START, type Device } from "./fixture.ts";

const DAY_MS = 86_400_000;

const list = (alice: Alice): DeviceState[] => alice.user.registry.list(alice.now);
const ids = (alice: Alice): string[] => list(alice).map(({ id, online }) => (online ? `${id} here` : id));
const close = (alice: Alice, { link }: Device): void => alice.user.registry.closed(link, alice.now);

describe("the list of devices", () => {
  test("says what each is, since when it is known, and when it was here last", () => {
    const alice = new Alice();
    const phone = alice.connect("phone", { login: "a", name: "Phone", platform: "ios" });
    alice.wait(1000);
    alice.connect("tv", { name: "TV" });
    alice.wait(1000);
    close(alice, phone);
    alice.wait(1000);
    expect(list(alice)).toEqual([
      { id: "tv", name: "TV", platform: "", firstSeen: START + 1000, lastSeen: START + 3000, online: true },
      {
        id: "phone",
        name: "Phone",
        platform: "ios",
        firstSeen: START,
        lastSeen: START + 2000,
        online: false,
        login: "a",
      },
    ]);
  });

  test("is the same after the object slept; after its death those are offline that have not come back", () => {
    const alice = new Alice();
    const devices = ["phone", "tablet"].map((id) => alice.connect(id, { login: id }));
    const before = list(alice);
    const [phone] = alice.sleep(...devices);
    expect(list(alice)).toEqual(before);
    alice.restart();
    expect(ids(alice)).toEqual(["phone", "tablet"]);
    const { session, started } = phone?.link ?? {};
    alice.connect("phone", { session, started, login: "phone", again: true } as never);
    expect(ids(alice)).toEqual(["phone here", "tablet"]);
  });

  test("has the newest name and login of a device, and the time when it was first seen", () => {
    const alice = new Alice();
    alice.connect("phone", { login: "a", name: "Old" });
    alice.wait(1000);
    alice.connect("phone", { login: "b", name: "New" });
    expect(list(alice)).toMatchObject([{ id: "phone", name: "New", login: "b", firstSeen: START }]);
  });

  test("forgets who was not here for as long as a login lasts, when a new device comes; who is here stays", () => {
    const alice = new Alice();
    const old = alice.connect("old", { login: "a" });
    alice.connect("here", { login: "b" });
    close(alice, old);
    alice.wait(31 * DAY_MS);
    expect(ids(alice)).toEqual(["here here"]);
    expect(alice.db.sql.exec("SELECT id FROM device ORDER BY id").toArray()).toHaveLength(2);
    alice.connect("new", { login: "c" });
    expect(alice.db.sql.exec("SELECT id FROM device ORDER BY id").toArray()).toEqual([{ id: "here" }, { id: "new" }]);
  });

  test("holds the newest hundred, and whoever is here", () => {
    const alice = new Alice();
    alice.connect("first", { login: "a" });
    for (let n = 0; n < 120; n += 1) {
      alice.wait(1);
      close(alice, alice.connect(`tab-${n}`, { login: "a" }));
    }
    const held = ids(alice);
    expect(held).toHaveLength(101);
    expect(held.slice(0, 2)).toEqual(["first here", "tab-119"]);
    expect(held.at(-1)).toBe("tab-20");
  });

  test("has a device that had to make room for another as gone", () => {
    const alice = new Alice(parseConfig('{"limits":{"connections":1}}'));
    alice.connect("phone");
    alice.wait(1000);
    alice.connect("tablet");
    expect(list(alice)).toMatchObject([
      { id: "tablet", online: true },
      { id: "phone", online: false, lastSeen: START + 1000 },
    ]);
  });
});

describe("what a device costs", () => {
  test("a row when it connects and one when it goes, none when its link is made anew", () => {
    const alice = new Alice();
    const changes = (work: () => unknown): number => {
      const count = (): number => Number(alice.db.sql.exec("SELECT total_changes() AS n").toArray()[0]?.["n"]);
      const before = count();
      work();
      return count() - before;
    };
    let phone = alice.connect("phone", { login: "a" });
    alice.connect("tablet", { login: "a" });
    const { session, started } = phone.link;
    expect(
      changes(() => {
        phone = alice.connect("phone", { session, started, login: "a", again: true });
      }),
    ).toBe(0);
    expect(changes(() => close(alice, phone))).toBe(1);
    expect(changes(() => alice.connect("phone", { login: "a" }))).toBe(1);
  });
});

describe("signing out", () => {
  test("ends the connections of a login and forgets its devices, and no others", () => {
    const alice = new Alice();
    const away = alice.connect("away", { login: "a" });
    close(alice, away);
    const devices = ["a", "a", "b", undefined].map((login, i) => alice.connect(`device-${i}`, { login }));
    alice.user.registry.endSessions("a", alice.now);
    expect(devices.map(({ ended }) => ended)).toEqual(["unauthenticated", "unauthenticated", undefined, undefined]);
    expect(ids(alice).toSorted()).toEqual(["device-2 here", "device-3 here"]);
    alice.restart();
    expect(ids(alice).toSorted()).toEqual(["device-2", "device-3"]);
    expect(alice.connect("device-0", { login: "a" }).ended).toBe("unauthenticated");
    expect(ids(alice).toSorted()).toEqual(["device-2", "device-3"]);
  });

  test("of several logins and of devices of another issuer, which may come back", () => {
    const alice = new Alice();
    const devices = ["a", "b", undefined, undefined, "c"].map((login, i) => alice.connect(`device-${i}`, { login }));
    // Its id is among those of the other issuer, but by now it has a login of its own.
    alice.user.registry.endDevices(["a", "b"], ["device-2", "device-4"] as DeviceId[], alice.now);
    expect(devices.map(({ ended }) => ended)).toEqual([
      "unauthenticated",
      "unauthenticated",
      "unauthenticated",
      undefined,
      undefined,
    ]);
    expect(ids(alice).toSorted()).toEqual(["device-3 here", "device-4 here"]);
    expect(alice.connect("device-0", { login: "a" }).ended).toBe("unauthenticated");
    expect(alice.connect("device-2").ended).toBeUndefined();
  });

  test("the last one leaves nobody online", () => {
    const alice = new Alice();
    alice.connect("phone", { login: "a" });
    alice.wait(1000);
    alice.user.registry.endSessions("a", alice.now);
    alice.wait(11_000);
    expect(alice.user.presence.watched("bob" as never, true, alice.now)).toEqual({
      online: false,
      lastSeen: START + 1000,
    });
  });
});

describe("an object of a build that did not keep logins of devices", () => {
  test("shows its devices once they are here, by the login of their connection", () => {
    const db = openSqlite();
    const later = USER_SCHEMA.findIndex((step) => step.includes("ADD COLUMN seen"));
    migrate(db.sql, db.transact, USER_SCHEMA.slice(0, later));
    db.sql.exec(
      "INSERT INTO device (id, name, platform, first_seen) VALUES ('phone', 'Phone', '', 5), ('tv', '', '', 6)",
    );
    const alice = new Alice(undefined, db);
    expect(ids(alice)).toEqual([]);
    alice.connect("phone", { login: "a", name: "Phone", again: true });
    expect(list(alice)).toMatchObject([{ id: "phone", login: "a", firstSeen: 5, online: true }]);
    alice.restart();
    expect(list(alice)).toMatchObject([{ id: "phone", login: "a", lastSeen: START, online: false }]);
  });

  test("knows the logins of those whose links slept meanwhile, and ends them", () => {
    const alice = new Alice();
    const phone = alice.connect("phone", { login: "a", name: "Phone" });
    alice.db.sql.exec("UPDATE device SET seen = 0, login = ''");
    const [woken] = alice.sleep(phone);
    expect(list(alice)).toMatchObject([{ id: "phone", name: "Phone", login: "a", online: true }]);
    alice.user.registry.endSessions("a", alice.now);
    expect([woken?.ended, list(alice)]).toEqual(["unauthenticated", []]);
    expect(alice.db.sql.exec("SELECT id FROM device").toArray()).toEqual([]);
  });
});
