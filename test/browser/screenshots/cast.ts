/** People and what they have said, for pictures of the web client. */
import { Api, type Account } from "../../support/api.ts";
import { Client } from "../../support/client.ts";

export interface Cast {
  /** Whose screen it is. */
  readonly hero: { readonly username: string };
  readonly group: string;
  readonly lastInGroup: string;
  readonly friend: string;
  readonly lastInDirect: string;
  /** Somebody begins to write in the group. */
  type(who: 0 | 1): void;
}

class Actor {
  readonly account: Account;
  readonly client: Client;
  #sent = 0;

  constructor(url: string, account: Account) {
    this.account = account;
    this.client = new Client({ url, token: account.token, device: "laptop", since: 0 });
  }

  get uid(): string {
    return this.account.user.id;
  }

  /** Says something and waits until it has its place: the order of what several say is the order of the calls. */
  async says(to: string, text: string, more: Record<string, unknown> = {}): Promise<number> {
    this.#sent += 1;
    const id = `${this.uid.slice(-12)}-${String(this.#sent).padStart(8, "0")}`;
    this.client.send(to, text, id, more);
    const frame = await this.client.until(
      () => this.client.frames.find((one) => one.t === "sent" && one["id"] === id),
      `place for ${text}`,
    );
    return frame["seq"] as number;
  }

  amends(cid: string, target: number, op: string, body?: unknown): void {
    this.#sent += 1;
    this.client.amend(cid, target, op, `${this.uid.slice(-12)}-${String(this.#sent).padStart(8, "0")}`, body);
  }
}

export async function populate(url: string): Promise<Cast> {
  const api = new Api(url);
  const act = async (username: string, name: string): Promise<Actor> => {
    const made = new Actor(url, await api.register(username, name));
    await made.client.connect();
    return made;
  };
  const mei = await act("mei", "Mei Tanaka");
  const jonas = await act("jonas", "Jonas Weber");
  const amara = await act("amara", "Amara Okafor");
  const lin = await act("linyue", "林悦");
  const sofia = await act("sofia", "Sofía Ramírez");
  const priya = await act("priya", "Priya Nair");

  await sofia.says(`@${mei.uid}`, "The invoices are in the shared folder.");
  await mei.says(`@${sofia.uid}`, "Perfect, thank you!");
  await priya.says(`@${mei.uid}`, "Are we still on for Thursday?");
  await priya.says(`@${mei.uid}`, "I can bring the prototype");

  const { group } = await api.get<{ group: { id: string } }>("POST /v1/groups", mei.account.token, {
    name: "Harbour launch",
    members: [jonas.uid, amara.uid, lin.uid],
  });
  const cid = group.id;
  await jonas.says(cid, "Morning! The load test ran all night.");
  const numbers = await jonas.says(cid, "41 million messages, none lost, none twice. p99 stayed under 6 ms.");
  await amara.says(cid, "That is a beautiful sentence to wake up to 😄");
  const plan = await mei.says(
    cid,
    "Wonderful. Then the plan for today: freeze at noon, release notes by two, go at four.",
  );
  await lin.says(cid, "发布说明我来写，中午之前给大家看。", { reply_to: plan });
  await amara.says(cid, "I have put the checklist here: https://example.com/harbour/checklist");
  await jonas.says(cid, "@Mei Tanaka could you look at the rollback step? Everything else is green.", {
    mentions: [mei.uid],
  });
  await mei.says(cid, "Looked at it, and tried it twice on staging. Fine from my side 👍");
  const last = "All checks done. We are ready when you are!";
  const end = await amara.says(cid, last);
  for (const actor of [amara, mei, lin]) actor.amends(cid, numbers, "react", { emoji: "🎉" });
  jonas.amends(cid, end, "react", { emoji: "❤️" });
  mei.amends(cid, plan, "react", { emoji: "👍" });

  const direct = await lin.says(`@${mei.uid}`, "Did you see the harbour this morning? So calm.");
  await mei.says(`@${lin.uid}`, "From the train, yes. Let us walk there after the release?", { reply_to: direct });
  const lastInDirect = "Gladly! I know a place with the best 小笼包 🥟";
  await lin.says(`@${mei.uid}`, lastInDirect);

  await api.get(`PATCH /v1/conversations/${cid}`, mei.account.token, { pinned: true });
  const withSofia = [mei.uid, sofia.uid].toSorted();
  await api.get(`PATCH /v1/conversations/d.${withSofia.join(".")}`, mei.account.token, { muted: true });
  for (const { client } of [jonas, amara, lin]) {
    await client.until(() => (client.chats.get(cid)?.applied ?? 0) >= end, "the group's messages");
    client.read(cid, end);
  }
  return {
    hero: { username: "mei" },
    group: "Harbour launch",
    lastInGroup: last,
    friend: "林悦",
    lastInDirect,
    // A group is not told the same of the same person again within seconds.
    type: (who) => (who === 0 ? jonas : lin).client.write({ t: "typing", cid, on: true }),
  };
}
