/** What lies after a place in a conversation, and then comes: see `Conversation.after`. */
import type { Engine } from "./engine.ts";
import { mayRetry, MpimError } from "./errors.ts";
import type { PageQuery, WirePage } from "./excerpt.ts";
import type { Message } from "./message.ts";

const PAGE = 100;
const AGAIN_MS = 1_000;

export async function* messagesAfter(
  cid: string,
  seq: number,
  engine: Engine,
  fetch: (query: PageQuery) => Promise<WirePage>,
): AsyncGenerator<Message, void, undefined> {
  const { state } = engine.core;
  const room = state.room(cid);
  // Where it is not known yet how much of the log is what it was, the place may be of the one before.
  let restored = room.unproven ? -1 : room.restored;
  for (let at = seq; ;) {
    try {
      engine.mustLive();
      await engine.known(cid);
      // A server that was put back to a backup has less than was read: it goes on with what comes.
      if (room.restored !== restored) {
        await engine.wait(() => !room.unproven);
        restored = room.restored;
        at = Math.min(at, room.head, room.same);
      }
      // The log has no hole; what it holds it holds from `low` on.
      if (at + 1 >= room.log.low && at < room.log.applied) {
        const held = room.log.after(at);
        at = held?.entry.seq ?? room.log.applied;
        if (held !== undefined) yield state.message(room, held);
      } else if (at < room.head) {
        const { messages, head, more } = await fetch({ after: at, limit: PAGE });
        for (const entry of messages) {
          at = Math.max(at, entry.seq);
          if (entry.kind !== "amend") yield engine.see(entry);
        }
        if (!more) at = Math.max(at, head);
      } else {
        const reached = at;
        await engine.wait(() => room.head > reached || room.restored !== restored);
      }
    } catch (error) {
      // Closed by the application: that is how it ends.
      if (engine.core.link.connection.error?.code === "closed") return;
      if (!(error instanceof MpimError) || !mayRetry(error.code)) throw error;
      await new Promise((resolve) => setTimeout(resolve, error.retryAfter ?? AGAIN_MS));
    }
  }
}
