/** What a receiver makes of entries that are offered to it. A lane keeps order; the receiver checks anyway (ORD2). */
import type { Entry } from "../rpc.ts";

export type Judged =
  | { readonly is: "duplicate" }
  /** Something earlier is missing: the sender offers again from there. */
  | { readonly is: "gap" }
  /** `hole`: entries below the first were left out on purpose; devices are told heads and pull. */
  | { readonly is: "accepted"; readonly fresh: readonly Entry[]; readonly hole: boolean };

/** Judges ascending, contiguous entries by what the receiver has without a gap. */
export function judge(have: number, entries: readonly Entry[], skip: boolean): Judged {
  const first = entries[0];
  const last = entries.at(-1);
  if (first === undefined || last === undefined || last.seq <= have) return { is: "duplicate" };
  const hole = first.seq > have + 1;
  if (hole && !skip) return { is: "gap" };
  return { is: "accepted", fresh: first.seq > have ? entries : entries.slice(have + 1 - first.seq), hole };
}
