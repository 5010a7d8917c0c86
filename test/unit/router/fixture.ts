/** Tables and keys for tests of routing. */
import fc from "fast-check";
import { Policies, Routing, type Kind } from "../../../src/config/routing.ts";
import { configuredTable, type Table } from "../../../src/workers/router/table.ts";

/** A table of policies that are given as somebody would configure them. */
export function tableOf(policies: Record<string, unknown>): Table {
  return configuredTable(Policies.parse(policies));
}

/** The table with nodes of a kind ejected. */
export function without(table: Table, kind: Kind, ...nodes: string[]): Table {
  const ejected = nodes.map((node) => ({ kind, node, until: 1e15, times: 1, probing: false }));
  return { ...table, ejected: [...table.ejected, ...ejected] };
}

export function routingOf(config: Record<string, unknown> = {}): Routing {
  return Routing.parse(config);
}

export const nodeName = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,11}$/);

/** Nodes of different names, as they are configured. */
export function someNodes(
  min: number,
  max: number,
): fc.Arbitrary<{ name: string; weight: number; priority: number }[]> {
  const weight = fc.oneof(fc.constant(1), fc.double({ min: 0.1, max: 8, noNaN: true }));
  return fc.uniqueArray(fc.record({ name: nodeName, weight, priority: fc.nat(3) }), {
    minLength: min,
    maxLength: max,
    selector: ({ name }) => name,
  });
}

/** Keys in a row, as ids are. */
export function keys(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `d.u_${n}.u_${n * 31 + 7}`);
}
