/** Which nodes are ejected, and when they are tried again: from one table to the next. Whoever keeps the table saves what is new. */
import type { Kind, Policies, Routing } from "../../config/routing.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { refuse, type Refusal } from "../../protocol/codes.ts";
import { ejectionOf, isListed, type Ejection, type Table } from "./table.ts";

/** What became of a call to a node. */
export interface Report {
  readonly kind: Kind;
  readonly node: string;
  readonly ok: boolean;
}

export type HealthRules = Pick<Routing, "failures" | "window_ms" | "probe_ms" | "probe_max_ms">;

/** Times of failures, newest last. Kept in memory only: who forgets them ejects a little later. */
export class Failures {
  readonly #times = new Map<string, number[]>();

  /** Notes one; how many there were since a time, this one included. */
  note(kind: Kind, node: string, now: number, since: number): number {
    const key = `${kind} ${node}`;
    const times = (this.#times.get(key) ?? []).filter((time) => time > since);
    times.push(now);
    this.#times.set(key, times);
    return times.length;
  }

  forget(kind: Kind, node: string): void {
    this.#times.delete(`${kind} ${node}`);
  }
}

/** The table under the policies as they are configured now; the same table when they are what it has. */
export function configured(table: Table | undefined, policies: Policies, now: number): Table {
  if (table !== undefined && JSON.stringify(table.policies) === JSON.stringify(policies)) return table;
  const ejected = (table?.ejected ?? []).filter(({ kind, node }) => isListed(policies, kind, node));
  return { epoch: nextEpoch(table, now), policies, ejected };
}

/** The table with nodes whose time has come being tried again; the same table when there are none. */
export function due(table: Table, now: number): Table {
  if (!table.ejected.some(({ until, probing }) => !probing && until <= now)) return table;
  const ejected = table.ejected.map((each) => (each.until <= now ? { ...each, probing: true } : each));
  return { ...table, epoch: nextEpoch(table, now), ejected };
}

/**
 * The table after a report; the same table when the report changes nothing. A healthy node is ejected by its last failure of
 * several, one that is being tried again by the first; there one success makes it healthy. What is heard of an ejected node is
 * from before its ejection.
 */
export function reported(
  table: Table,
  failures: Failures,
  { kind, node, ok: good }: Report,
  rules: HealthRules,
  now: number,
): Result<Table, Refusal> {
  if (!isListed(table.policies, kind, node)) {
    return err(refuse("invalid_argument", `${kind} has no node "${node}" to report on`));
  }
  const known = ejectionOf(table, kind, node);
  if (known === undefined) {
    if (good || failures.note(kind, node, now, now - rules.window_ms) < rules.failures) return ok(table);
    failures.forget(kind, node);
    return ok(changed(table, kind, node, eject(kind, node, 1, rules, now), now));
  }
  if (!known.probing) return ok(table);
  if (good) return ok(changed(table, kind, node, undefined, now));
  return ok(changed(table, kind, node, eject(kind, node, known.times + 1, rules, now), now));
}

function eject(kind: Kind, node: string, times: number, rules: HealthRules, now: number): Ejection {
  const wait = Math.min(rules.probe_ms * 2 ** (times - 1), Math.max(rules.probe_ms, rules.probe_max_ms));
  return { kind, node, until: now + wait, times, probing: false };
}

function changed(table: Table, kind: Kind, node: string, ejection: Ejection | undefined, now: number): Table {
  const others = table.ejected.filter((each) => each.kind !== kind || each.node !== node);
  return { ...table, epoch: nextEpoch(table, now), ejected: ejection === undefined ? others : [...others, ejection] };
}

/** A hybrid clock: grows with every table, and beyond all tables of a state that was lost. */
function nextEpoch(table: Table | undefined, now: number): number {
  return Math.max((table?.epoch ?? 0) + 1, now);
}
