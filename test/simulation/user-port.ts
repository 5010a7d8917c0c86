/** What a simulated user's object can ask of the world. */
import * as operations from "../../src/durable-objects/conversation/group-operations.ts";
import type { Answer, UserPort } from "../../src/durable-objects/user/user-port.ts";
import type { Link } from "../../src/durable-objects/user/links.ts";
import type { Result } from "../../src/lib/result.ts";
import type { Refusal } from "../../src/protocol/codes.ts";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import { encodeControl } from "../../src/protocol/link.ts";
import type { AppendReply, Page } from "../../src/durable-objects/rpc.ts";
import { ask, call } from "./calls.ts";
import type { ConversationHost } from "./conversation-host.ts";
import type { Serve } from "./host.ts";
import type { Sim } from "./sim.ts";
import type { UserHost } from "./user-host.ts";

interface Sockets {
  send(link: Link, text: string): void;
  close(link: Link): void;
  keep(link: Link): void;
  alarm(at: number): void;
}

/** The port of one life of a user's object. */
export function userPort(sim: Sim, host: UserHost, sockets: Sockets): UserPort {
  /** Chats with a call of drafts in flight: never two for one. */
  const appending = new Set<Cid>();
  /** An answer and what follows from it happen in one turn (ORD3). */
  const then =
    <T>(answer: Answer<T>) =>
    (value: T | undefined): void => {
      answer(value, sim.clock.now);
      host.after();
    };
  const conversation = <T>(
    what: string,
    cid: Cid,
    run: (host: ConversationHost) => Serve<T>,
    answer: Answer<T>,
  ): void => {
    const to = sim.conversation(cid);
    call(sim, host, to, run(to), then(answer), what);
  };
  const user = <T>(what: string, uid: Uid, run: (peer: UserHost) => T, answer: Answer<T>): void => {
    const to = sim.user(uid);
    const serve: Serve<T> = (respond) => {
      const value = run(to);
      to.after();
      respond(value);
    };
    call(sim, host, to, serve, then(answer), what);
  };
  return {
    send: (link, text) => sockets.send(link, text),
    shut: (link, code) => {
      sockets.send(link, encodeControl({ do: "close", code }));
      sockets.close(link);
    },
    drop: (link) => sockets.close(link),
    keep: (link) => sockets.keep(link),
    append: (cid, have, taken, drafts, answer) => {
      const sends = drafts.length > 0;
      if (sends && appending.has(cid)) sim.checks.fail("ORD2", `two calls in flight from ${host.uid} to ${cid}`);
      if (sends) appending.add(cid);
      conversation<AppendReply>(
        `append ${drafts.map(({ id }) => id).join(" ")} have ${have} taken ${taken}`,
        cid,
        (to) => (respond, fail) => to.append(host.uid, have, taken, drafts, respond, fail),
        (reply, now) => {
          if (sends) appending.delete(cid);
          const known = host.core.heads.get(cid)?.head ?? 0;
          if (reply !== undefined && reply.membership === undefined && (reply.entries[0]?.seq ?? 0) > known + 1)
            sim.stats.count("holes announced");
          answer(reply, now);
        },
      );
    },
    page: (cid, query, answer) => {
      const asked = sim.ledger.head(cid);
      conversation<Result<Page, Refusal>>(
        "page",
        cid,
        (to) => (respond) => to.page(host.uid, query, respond),
        (page, now) => {
          if (page?.ok === true) sim.history.checks.page(cid, query, asked, page.value);
          answer(page, now);
        },
      );
    },
    count: (cid, seq, answer) =>
      conversation("count", cid, (to) => (respond) => respond(to.core.count(host.uid, seq)), answer),
    mark: (cid, delivered, read, answer) =>
      conversation("mark", cid, () => (respond) => sim.group(cid).mark(host.uid, delivered, read, respond), answer),
    headOf: (cid, answer) =>
      conversation("head of", cid, (to) => (respond) => respond(operations.headOf(to.core, host.uid)), answer),
    groupSignal: (cid, signal) =>
      conversation<true>(
        "signal",
        cid,
        () => (respond) => {
          sim.group(cid).signal(host.uid, signal);
          respond(true);
        },
        () => {},
      ),
    release: (cid, ids, answer) =>
      conversation<true>(
        "release",
        cid,
        (to) => (respond) => {
          to.core.release(host.uid, ids);
          respond(true);
        },
        answer,
      ),
    block: (cid, on, answer) =>
      conversation<true>(
        "block",
        cid,
        (to) => (respond) => {
          to.core.block(host.uid, on);
          respond(true);
        },
        answer,
      ),
    receipt: (to, cid, delivered, read, answer) =>
      call<boolean>(
        sim,
        host,
        sim.user(to),
        (respond) => sim.user(to).receipt(cid, host.uid, delivered, read, respond),
        then(answer),
        `receipt ${cid} delivered ${delivered} read ${read}`,
      ),
    signal: (to, signal, answer) => user("signal", to, (peer) => peer.core.signal(signal, sim.clock.now), answer),
    watch: (target, on, answer) =>
      user("watch", target, (peer) => peer.core.presence.watched(host.uid, on, sim.clock.now), answer),
    names: (uids, answer) => {
      const known = uids.filter((uid) => sim.uids.includes(uid)).map((uid) => [uid, `name of ${uid}`] as const);
      ask<ReadonlyMap<Uid, string>>(sim, host, new Map(known), then(answer));
    },
    alarm: (at) => sockets.alarm(at),
    requestId: () => sim.name("r"),
    chance: () => sim.chance.next(),
  };
}
