/** What happened in a run: shows that it was not idle. */
export const COUNTED = [
  "messages",
  "amendments",
  "sent",
  "sent again",
  "id conflicts",
  "released",
  "reads",
  "receipts",
  "holes announced",
  "pulls",
  "windows full",
  "replies held",
  "alarms",
  "user crashes",
  "conversation crashes",
  "crashes in a commit",
  "edge crashes",
  "hibernations",
  "evictions",
  "outages",
  "commits lost",
  "writes refused",
  "sockets broken",
  "links broken",
  "links made anew",
  "requests lost",
  "answers lost",
  "late requests",
  "copies dropped",
] as const;
/** The same of groups. */
export const COUNTED_IN_GROUPS = [
  "system entries",
  "switches to pull",
  "switches to push",
  "memberships",
  "removals",
  "memberships begun again",
  "messages crossing a removal",
  "removals told to relays",
  "group heads left",
  "operations",
  "operations repeated",
  "operations refused",
  "refused to strangers",
  "relay links",
  "relay links broken",
  "relay crashes",
  "relay hibernations",
  "messages by relays",
  "messages by pushes",
  "ephemeral",
] as const;
/** The same of long logs and their store. */
export const COUNTED_IN_HISTORY = [
  "store writes",
  "store changes",
  "store failures",
  "store answers lost",
  "store requests repeated",
  "late store requests",
  "store outages",
  "alarms for the store",
  "entries lost by the store",
  "differences found",
  "chunks that left",
  "pages over the seam",
  "pages of the store",
  "pages refused",
  "reads from blocks",
  "reads begun again",
  "entries looked up",
  "amendments of what has left",
  "answers to what has left",
] as const;
const ALL = [...COUNTED, ...COUNTED_IN_GROUPS, ...COUNTED_IN_HISTORY] as const;
export type Counted = (typeof ALL)[number];

export class Stats {
  readonly counts: Record<Counted, number>;
  /** The greatest sizes seen. */
  readonly peaks: Record<string, number> = {};

  constructor() {
    this.counts = Object.fromEntries(ALL.map((name) => [name, 0])) as Record<Counted, number>;
  }

  count(name: Counted, by = 1): void {
    this.counts[name] += by;
  }

  /** Notes a size; keeps the greatest. */
  peak(name: string, size: number): void {
    this.peaks[name] = Math.max(this.peaks[name] ?? 0, size);
  }

  /** Adds what another run counted. */
  add(other: Stats): void {
    for (const name of ALL) this.counts[name] += other.counts[name];
    for (const [name, size] of Object.entries(other.peaks)) this.peak(name, size);
  }
}
