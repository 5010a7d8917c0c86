/** A scene of the demo: a group is made and renamed, somebody is removed from it, and what each of the three then sees. */
import type { Device } from "./stage.ts";

export async function cake(alice: Device, bob: Device, carol: Device): Promise<void> {
  const others = [bob, carol];
  const members = others.map(({ owner }) => owner.uid);
  const made = await alice.owner.asks<{ group: { id: string } }>("POST /v1/groups", { name: "Cake", members });
  const { id: cid } = made.group;
  alice.says('makes the group "Cake" with Bob and Carol');
  for (const device of others) await device.hears(cid, "created", "is in it");

  const question = await alice.writeTo(cid, "Cake", "Who brings plates?");
  for (const device of others) await device.gets(alice.owner, question);
  for (const device of others) await alice.ticks(device.owner, question, "delivered");

  await alice.owner.asks(`PATCH /v1/groups/${cid}`, { name: "Lunch and cake" });
  alice.says('renames it to "Lunch and cake"');
  for (const device of others) await device.hears(cid, "renamed", 'now shows "Lunch and cake"');

  await alice.owner.asks(`DELETE /v1/groups/${cid}/members/${carol.owner.uid}`);
  alice.says("removes Carol");
  await carol.hears(cid, "member_removed", "is told that she is out");
  await bob.hears(cid, "member_removed", "is told that Carol is out");
  const secret = await bob.writeTo(cid, "Lunch and cake", "We buy her a present, too");
  await alice.gets(bob.owner, secret);
  const code = await carol.owner.refused(`GET /v1/conversations/${cid}/messages`);
  if (code !== "not_member") throw new Error(`${carol.label} may still read the group: ${code}`);
  if (carol.client.chats.get(cid)?.log.has(secret.seq)) throw new Error(`${carol.label} got "${secret.text}"`);
  carol.says("gets nothing more of it, and may not read it: not_member");
}
