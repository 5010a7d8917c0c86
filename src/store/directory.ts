/** Groups as one looks for them; part of the contract in store.ts. The group's own object writes its row, and is the authority. */
import type { Cid, Uid } from "../protocol/ids.ts";

export interface ListedGroup {
  readonly id: Cid;
  readonly name: string;
  readonly owner: Uid;
  readonly members: number;
  /** Anybody may join. */
  readonly open: boolean;
  readonly dismissed: boolean;
  /** Grows with every change of the group. */
  readonly version: number;
}

/** Where a search goes on: behind the group with this key (`directoryKey`) and id. */
export interface DirectoryPosition {
  readonly name: string;
  readonly id: Cid;
}

export interface FoundGroups {
  readonly groups: readonly ListedGroup[];
  /** Absent on the last page. */
  readonly next?: DirectoryPosition;
}

export interface Directory {
  /** Writes a group, unless what is there has the same or a higher version. May be repeated, late or out of order. */
  put(group: ListedGroup): Promise<void>;
  find(id: Cid): Promise<ListedGroup | undefined>;
  /** Open groups that are not dismissed and whose name begins with `text`, case folded, by name. A text that folds to nothing finds none. */
  search(text: string, after: DirectoryPosition | undefined, limit: number): Promise<FoundGroups>;
}
