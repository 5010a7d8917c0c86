/** What the parts of the simulated world share. */
import type { Config } from "../../src/config/config.ts";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import type { Bug } from "./bugs.ts";
import type { Chance } from "./chance.ts";
import type { Checks } from "./checks.ts";
import type { Clock } from "./clock.ts";
import type { ConversationHost } from "./conversation-host.ts";
import type { GroupHost } from "./groups/group-host.ts";
import type { RelayHost } from "./groups/relay-host.ts";
import type { Roll } from "./groups/roll.ts";
import type { HistoryChecks } from "./history/checks.ts";
import type { Blocks } from "./history/reader.ts";
import type { StoreLine } from "./history/store-line.ts";
import type { Ledger } from "./ledger.ts";
import type { Profile } from "./profile.ts";
import type { Stats } from "./stats.ts";
import type { UserHost } from "./user-host.ts";

export interface Sim {
  readonly chance: Chance;
  readonly clock: Clock;
  readonly config: Config;
  readonly profile: Profile;
  readonly stats: Stats;
  readonly ledger: Ledger;
  readonly checks: Checks;
  readonly bug: Bug | undefined;
  readonly uids: readonly Uid[];
  /** Nothing goes wrong by chance any more. */
  readonly calm: boolean;
  /** Nobody does anything for now. */
  readonly lull: boolean;
  /** Where what leaves the logs goes. */
  readonly history: { readonly line: StoreLine; readonly blocks: Blocks; readonly checks: HistoryChecks };
  user(uid: Uid): UserHost;
  conversation(cid: Cid): ConversationHost;
  /** Groups, if the world has any: then nobody chats directly. */
  readonly groups: readonly Cid[];
  group(cid: Cid): GroupHost;
  relay(cid: Cid, node: number): RelayHost;
  readonly relays: readonly RelayHost[];
  /** Who is a member since when, as the log of the group says. */
  roll(cid: Cid): Roll;
  /** Notes what happens, for who looks at one seed. */
  trace(who: string, what: () => string): void;
  /** How long one hop over the network takes, ms. */
  hop(): number;
  /** Unique within a run. */
  name(prefix: string): string;
}
