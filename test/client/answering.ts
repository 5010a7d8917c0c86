/** The bot of the guide, as a process that a test kills: answers each message once. Arguments: URL, token, folder, pause in ms. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { connect, MpimError, type Conversation } from "../../client/src/mpim.ts";
import { file } from "../../client/src/node.ts";

const [url = "", token = "", folder = "", pause = "0"] = process.argv.slice(2);

/** Half of the time before an answer is written, half before it is noted that it is: there, too, it is killed. */
const work = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, Number(pause) / 2));

const first = !existsSync(folder);
const chat = await connect({ url, token, store: file(folder), backoff: { least: 20, most: 200 } });
if (first) {
  if (!chat.synced) await new Promise((known) => void chat.once("synced", known));
  for (const room of chat.conversations) room.handled(room.head);
}
const serving = new Set<string>();

async function serve(room: Conversation): Promise<void> {
  if (serving.has(room.cid)) return;
  serving.add(room.cid);
  for await (const question of room.after(room.handledSeq)) {
    if (!question.mine && question.kind === "text") {
      await work();
      const id = createHash("sha256").update(`${room.cid} ${question.seq}`).digest("hex").slice(0, 40);
      const answer = room.send({ id, text: `re: ${question.text}`, replyTo: question.seq });
      try {
        await answer.sent();
      } catch (error) {
        if (error instanceof MpimError && error.code === "closed") return;
        answer.discard();
      }
      await work();
    }
    room.handled(question);
  }
}

for (const room of chat.conversations) serve(room).catch(console.error);
chat.on("conversation", (room) => void serve(room).catch(console.error));
process.stdout.write("ready\n");
