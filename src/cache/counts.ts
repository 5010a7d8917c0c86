/** What became of the reads of one kind, since the isolate began. */
export interface Counts {
  /** Values that this isolate had, and that Redis had. */
  isolate: number;
  redis: number;
  /** Of both: those that were known not to be there, and those handed out old while they were fetched again. */
  negative: number;
  stale: number;
  /** Ids that neither had. */
  miss: number;
  /** Reads that waited for what another was fetching already. */
  joined: number;
  /** Calls to a loader, and those that failed. */
  load: number;
  error: number;
  /** What was loaded, but replaced meanwhile. */
  late: number;
  /** What Redis had under a key, but is no value of the kind. */
  garbage: number;
}

export function noCounts(): Counts {
  return { isolate: 0, redis: 0, negative: 0, stale: 0, miss: 0, joined: 0, load: 0, error: 0, late: 0, garbage: 0 };
}
