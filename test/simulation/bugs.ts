/** Deliberate faults, put into the simulated world and never into the sources: what the invariants must notice. */
export const BUGS = {
  "open gate": "a conversation's answers and pushes leave before its commit",
  "taken too early": "a user's object reports as taken what is only in its memory",
  "forgetful dedup": "a conversation that wakes does not read the ids of its log",
  "alarm in memory": "a conversation's safety alarm dies with the conversation",
  "trim without reading back": "entries leave the log without the store having been read",
  "stale list forgotten": "amendments of what the store has are not listed for it",
  "late write wins": "the store keeps what came last, not what the longer log said",
  "blocks outlive amendments": "what was read of the store is shown after it was amended there",
  "gone stay": "relays are not told who is no member any more",
  "pushed from before": "a push reaches back to before the place where pushing begins for its member",
  "open gate at the edge": "what a relay hands goes past the gate of its group",
  "deaf to the base": "a user's object does not go on from where pushing begins",
} as const;
export type Bug = keyof typeof BUGS;
