/** What a simulated user's object can ask of the world. */
import type { Answer, UserPort } from "../../src/durable-objects/user/user-port.ts";
import type { Link } from "../../src/durable-objects/user/links.ts";
import type { Cid, Uid } from "../../src/protocol/ids.ts";
import { encodeControl } from "../../src/protocol/link.ts";
import { ask, call } from "./calls.ts";
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
  const conversation = <T>(cid: Cid, run: Serve<T>, answer: Answer<T>): void =>
    call(sim, host, sim.conversation(cid), run, then(answer));
  const user = <T>(uid: Uid, run: (peer: UserHost, respond: (value: T) => void) => void, answer: Answer<T>): void => {
    const peer = sim.user(uid);
    call<T>(sim, host, peer, (respond) => run(peer, respond), then(answer));
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
      if (drafts.length > 0 && appending.has(cid)) sim.checks.fail("ORD2", `two calls in flight from ${host.uid} to ${cid}`);
      if (drafts.length > 0) appending.add(cid);
      conversation(
        cid,
        (respond, fail) => sim.conversation(cid).append(host.uid, have, taken, drafts, respond, fail),
        (reply, now) => {
          if (drafts.length > 0) appending.delete(cid);
          answer(reply, now);
        },
      );
    },
    page: (cid, query, answer) =>
      conversation(cid, (respond) => respond(sim.conversation(cid).page(host.uid, query)), answer),
    count: (cid, seq, answer) =>
      conversation(cid, (respond) => respond(sim.conversation(cid).core.count(host.uid, seq)), answer),
    release: (cid, ids, answer) =>
      conversation(
        cid,
        (respond) => {
          sim.conversation(cid).core.release(host.uid, ids);
          respond(true);
        },
        answer,
      ),
    block: (cid, on, answer) =>
      conversation(
        cid,
        (respond) => {
          sim.conversation(cid).core.block(host.uid, on);
          respond(true);
        },
        answer,
      ),
    receipt: (to, cid, delivered, read, answer) =>
      user(
        to,
        (peer, respond) => {
          peer.core.receipt(cid, host.uid, delivered, read, sim.clock.now);
          peer.after();
          respond(true);
        },
        answer,
      ),
    signal: (to, signal, answer) =>
      user(
        to,
        (peer, respond) => {
          const interested = peer.core.signal(signal, sim.clock.now);
          peer.after();
          respond(interested);
        },
        answer,
      ),
    watch: (target, on, answer) =>
      user(target, (peer, respond) => respond(peer.core.presence.watched(host.uid, on, sim.clock.now)), answer),
    names: (uids, answer) => {
      const known = uids.filter((uid) => sim.uids.includes(uid)).map((uid) => [uid, `name of ${uid}`] as const);
      ask<ReadonlyMap<Uid, string>>(sim, host, new Map(known), then(answer));
    },
    alarm: (at) => sockets.alarm(at),
    requestId: () => sim.name("r"),
    chance: () => sim.chance.next(),
  };
}
