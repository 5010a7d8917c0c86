/**
 * Policies of routing as they are configured: for each kind of thing, by what strategy a key finds its node. Names, weights and
 * options are checked here, so that a table that exists is a good one.
 */
import { z } from "zod";

/** The region that asks for nothing. */
export const NO_REGION = "none";

/** Regions that an object can be asked to be made near. */
const REGIONS = [
  NO_REGION,
  ...([
    "wnam",
    "enam",
    "sam",
    "weur",
    "eeur",
    "apac",
    "apac-ne",
    "apac-se",
    "oc",
    "afr",
    "me",
  ] satisfies readonly DurableObjectLocationHint[]),
] as const;

/** Points that one ring may have, a dozen bytes each. */
const RING_POINTS = 2 ** 20;

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "letters, digits, . _ - (at most 64)");

/** Points of a node of weight 1; src/workers/router/ring.ts says what they are good for. */
const virtualNodes = z.number().int().min(1).max(4096).default(512);

function policy(nodeName: z.ZodType<string>) {
  const node = z.strictObject({
    name: nodeName,
    /** Share of the keys, relative to the other nodes. */
    weight: z.number().gt(0, "a weight is above 0; take the node out instead").max(1000).default(1),
    /** For `priority`: the lowest that is healthy serves. */
    priority: z.number().int().min(0).max(1000).default(0),
  });
  const nodes = z
    .array(node)
    .min(1, "a policy has at least one node")
    .max(1000)
    .superRefine((all, context) => {
      const seen = new Set<string>();
      for (const [index, each] of all.entries()) {
        if (seen.has(each.name)) {
          context.addIssue({ code: "custom", message: `two nodes are called "${each.name}"`, path: [index, "name"] });
        }
        seen.add(each.name);
      }
    });
  return z.discriminatedUnion("strategy", [
    z
      .strictObject({
        strategy: z.literal("consistent-hash"),
        nodes,
        virtual_nodes: virtualNodes,
        /** A node whose load is known takes at most so many times the mean; what is beyond goes to the next. */
        load_factor: z.number().min(1).optional(),
      })
      .refine((ring) => ring.nodes.reduce((sum, { weight }) => sum + weight, 0) * ring.virtual_nodes <= RING_POINTS, {
        message: `weights × virtual_nodes make a ring of over ${RING_POINTS} points`,
        path: ["virtual_nodes"],
      }),
    z.strictObject({
      strategy: z.enum(["hash", "weighted", "priority", "round-robin", "least-loaded"]),
      nodes,
    }),
  ]);
}

export const Policies = z.strictObject({
  /** Which of a group's k relays a user's devices belong to. Its nodes are `0` … `k-1`, so none are listed. */
  relay: z
    .discriminatedUnion("strategy", [
      z.strictObject({ strategy: z.literal("consistent-hash"), virtual_nodes: virtualNodes }),
      z.strictObject({ strategy: z.literal("hash") }),
    ])
    .prefault({ strategy: "consistent-hash" }),
  /** Which database a new conversation's history goes to. */
  history: policy(name).prefault({ strategy: "consistent-hash", nodes: [{ name: "main" }] }),
  /** Near which region a new object is made. */
  region: policy(z.enum(REGIONS)).prefault({ strategy: "priority", nodes: [{ name: NO_REGION }] }),
  /** Which release a user is in. */
  release: policy(name).prefault({ strategy: "weighted", nodes: [{ name: "stable" }] }),
});
export type Policies = z.infer<typeof Policies>;

export type Kind = keyof Policies;
/** The history shard that is the store itself. */
export const MAIN_SHARD = "main";

/** Under which name the database of another history shard is bound: for `b` it is `HISTORY_B`. */
export function historyBinding(shard: string): string {
  return `HISTORY_${shard.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`;
}

export const KINDS = ["relay", "history", "region", "release"] as const satisfies readonly Kind[];

export type RelayPolicy = Policies["relay"];
/** A policy whose nodes are listed. */
export type NodePolicy = Policies[Exclude<Kind, "relay">];
export type RouteNode = NodePolicy["nodes"][number];
export type Strategy = NodePolicy["strategy"];

export const Routing = z.strictObject({
  /** Callers ask the router for its table at most so often, ms; in between they resolve by the one they have. */
  refresh_ms: z.number().int().min(1).default(30_000),
  /** How long the router's isolates answer from memory, ms. */
  cache_ms: z.number().int().min(0).default(2_000),
  /** So many reports of failure within the window take a node out. */
  failures: z.number().int().min(1).default(5),
  window_ms: z.number().int().min(1).default(10_000),
  /** After this time a node that was taken out is tried again; each failure then doubles it, up to the longest. */
  probe_ms: z.number().int().min(1).default(10_000),
  probe_max_ms: z.number().int().min(1).default(600_000),
  policies: Policies.prefault({}),
});
export type Routing = z.infer<typeof Routing>;
