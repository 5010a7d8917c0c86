/** Accounts that are deleted, inside the runtime. */
import { runDurableObjectAlarm } from "cloudflare:test";
import type { Uid } from "../../src/protocol/ids.ts";
import { advance } from "./faults.ts";
import { as, once, type Person } from "./groups.ts";
import { rows, userStub } from "./workers.ts";

/** Where the end of an account is: the round and the part. */
export async function partOf(uid: Uid): Promise<string> {
  const [row] = await rows(userStub(uid), "SELECT value FROM setting WHERE key = 'deletion'");
  const { round, part } = JSON.parse((row?.["value"] as string | undefined) ?? "{}") as Record<string, unknown>;
  return `${String(round)} ${String(part)}`;
}

/** Asks for the end of an account; returns when the first round is over. */
export async function leave(who: Person): Promise<void> {
  const answer = await as(who, "DELETE /v1/me");
  if (answer.status !== 202) throw new Error(`not deleted: ${answer.text}`);
  await reached(who.uid, "1 settle");
}

/** Rings the alarm until the end of an account has come so far. */
export async function reached(uid: Uid, part: string): Promise<void> {
  await once(
    async () => {
      await runDurableObjectAlarm(userStub(uid));
      return partOf(uid);
    },
    (at) => at === part,
  );
}

/** The time between the rounds passes, and the second one. */
export async function settle(uid: Uid): Promise<void> {
  advance(61_000);
  await reached(uid, "2 done");
}
