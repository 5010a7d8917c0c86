/**
 * What people ask of a group by HTTP: a call from an edge to the group's object, made again with the same operation id until it is
 * answered, as clients do with an Idempotency-Key.
 */
import * as operations from "../../../src/durable-objects/conversation/group-operations.ts";
import type { GroupChange, Role } from "../../../src/durable-objects/group-rpc.ts";
import type { Result } from "../../../src/lib/result.ts";
import type { Refusal } from "../../../src/protocol/codes.ts";
import type { Cid, Uid } from "../../../src/protocol/ids.ts";
import type { Sim } from "../sim.ts";
import type { GroupHost } from "./group-host.ts";

export type Asked =
  | { readonly do: "create"; readonly users: readonly Uid[] }
  | { readonly do: "add"; readonly users: readonly Uid[] }
  | { readonly do: "join" | "dismiss" }
  | { readonly do: "remove"; readonly target: Uid }
  | { readonly do: "change"; readonly change: GroupChange }
  | { readonly do: "set"; readonly target: Uid; readonly set: { role?: Role; muted_until?: number } };

const AGAIN_MS = 1500;
/** Answers that a client may get for what it asks at a time that it does not choose. */
const EXPECTED = new Set<string>([
  "permission_denied",
  "already_exists",
  "not_found",
  "not_member",
  "muted",
  "invalid_argument",
]);

/** Asks; `done` when there is an answer. */
export function request(sim: Sim, cid: Cid, uid: Uid, asked: Asked, done: () => void = () => {}): void {
  const op = asked.do === "create" ? "created" : sim.name("operation-");
  let over = false;
  const answer = (result: Result<unknown, Refusal>): void => {
    if (over) return;
    over = true;
    sim.trace(cid.slice(0, 5), () => `answers ${uid}: ${JSON.stringify(asked)}: ${JSON.stringify(result)}`);
    sim.stats.count("operations");
    if (!result.ok) {
      sim.stats.count("operations refused");
      if (!EXPECTED.has(result.error.code)) sim.checks.fail("DUP1", `${asked.do} is refused: ${result.error.code}`);
    }
    done();
  };
  const ask = (): void => {
    if (over) return;
    const fate = sim.calm ? 1 : sim.chance.next() / sim.profile.lossy;
    sim.clock.after(AGAIN_MS + sim.hop(), () => {
      if (!over) sim.stats.count("operations repeated");
      ask();
    });
    if (fate < 0.4) return;
    sim.clock.after(sim.hop(), () => {
      const host = sim.group(cid);
      host.serve<Result<unknown, Refusal>>(
        (respond) => carry(sim, host, uid, op, asked, respond),
        (result) => result !== undefined && fate >= 1 && sim.clock.after(sim.hop(), () => answer(result)),
      );
    });
  };
  ask();
}

type Respond = (result: Result<unknown, Refusal>) => void;

function carry(sim: Sim, host: GroupHost, uid: Uid, op: string, asked: Asked, respond: Respond): void {
  const { core } = host;
  const limits = sim.config.groups;
  switch (asked.do) {
    case "create": {
      const settings = { join: "open", history: sim.profile.history } as const;
      return host.changing(
        [uid, ...asked.users],
        (now) => operations.createGroup(core, uid, "group", settings, asked.users, { op, shard: "main" }, limits, now),
        respond,
      );
    }
    case "add":
      return host.changing(asked.users, (now) => operations.add(core, uid, op, asked.users, limits, now), respond);
    case "join":
      return host.changing([uid], (now) => operations.join(core, uid, op, limits, now), respond);
    case "remove":
      return host.changing([asked.target], (now) => operations.remove(core, uid, op, asked.target, now), respond);
    case "change":
      return host.changing([], (now) => operations.changeGroup(core, uid, op, asked.change, now), respond);
    case "set":
      return host.changing([], (now) => operations.setMember(core, uid, op, asked.target, asked.set, now), respond);
    case "dismiss":
      return host.changing([uid], (now) => operations.dismiss(core, uid, op, now), respond);
  }
}
