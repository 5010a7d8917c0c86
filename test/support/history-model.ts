/** What a store does with history, in memory: the contract of src/store/messages.ts as a model. */
import type { StoredChange, StoredMessage } from "../../src/store/messages.ts";

export class HistoryModel {
  readonly rows = new Map<number, { readonly rev: number; readonly entry: StoredMessage }>();

  put(rev: number, entries: readonly StoredMessage[]): void {
    for (const entry of entries) {
      const known = this.rows.get(entry.seq);
      if (known === undefined || known.rev < rev) this.rows.set(entry.seq, { rev, entry: structuredClone(entry) });
    }
  }

  change(rev: number, changes: readonly StoredChange[]): void {
    for (const { seq, amended, erased } of changes) {
      const known = this.rows.get(seq);
      if (known === undefined || known.rev >= rev) continue;
      const entry = { ...known.entry, amended: structuredClone(amended), body: erased ? "" : known.entry.body };
      this.rows.set(seq, { rev, entry });
    }
  }

  read(first: number, last: number): StoredMessage[] {
    const found: StoredMessage[] = [];
    for (let seq = first; seq <= last; seq += 1) {
      const row = this.rows.get(seq);
      if (row !== undefined) found.push(structuredClone(row.entry));
    }
    return found;
  }
}
