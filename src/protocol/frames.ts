/**
 * Every frame of the wire, one union per direction; the types are inferred from the schemas.
 * `version.ts` locks both unions by a fingerprint: a changed frame is a changed protocol.
 */
import { z } from "zod";
import { Cid, DeviceId, MessageId, Seq, Uid, Version } from "./ids.ts";

/** What one connection may send; told to the client in `welcome`. */
export const FRAME_BYTES = 64 * 1024;
export const BATCH_FRAMES = 128;
export const BODY_BYTES = 16 * 1024;
export const TEXT_CHARACTERS = 8192;
export const PULL_LIMIT = 200;
export const HEADS_PER_FRAME = 100;
export const WATCH_LIMIT = 200;

export const Kind = z.enum(["text", "image", "file", "audio", "video", "custom"]);
export type Kind = z.infer<typeof Kind> | "amend" | "system";

export const Op = z.enum(["edit", "recall", "react", "unreact"]);
export type Op = z.infer<typeof Op>;

/** JSON of any shape. Its size is checked by the codec, its shape per kind by `body.ts`. */
const Json = z.json();

const Priority = z.number().int().min(0).max(3);
const Qos = z.union([z.literal(0), z.literal(1), z.literal(2)]);
const Req = z.union([z.string().min(1).max(64), z.number().int()]);

export const Hello = z.object({
  t: z.literal("hello"),
  v: z.literal(1),
  token: z.string().min(1).max(8192),
  device: z.object({ id: DeviceId, name: z.string().max(128).optional(), platform: z.string().max(64).optional() }),
  since: Version.optional(),
});

export const Send = z.object({
  t: z.literal("send"),
  id: MessageId,
  to: z.union([Cid, z.templateLiteral(["@", Uid])]),
  kind: Kind.default("text"),
  body: Json,
  qos: Qos.default(1),
  priority: Priority.default(1),
  /** Seconds after which the server gives up handing the message to its conversation. */
  ttl: z.number().int().min(1).max(604_800).optional(),
  reply_to: Seq.optional(),
  mentions: z.array(Uid).max(100).optional(),
});

export const Release = z.object({ t: z.literal("release"), ids: z.array(MessageId).min(1).max(128) });
export const Ack = z.object({ t: z.literal("ack"), cid: Cid, seq: Seq });
export const Read = z.object({ t: z.literal("read"), cid: Cid, seq: Seq });
export const Typing = z.object({ t: z.literal("typing"), cid: Cid, on: z.boolean() });

export const Amend = z.object({
  t: z.literal("amend"),
  id: MessageId,
  cid: Cid,
  target: Seq,
  op: Op,
  body: Json.optional(),
});

export const Sync = z.object({ t: z.literal("sync"), req: Req, since: Version });

export const Pull = z.object({
  t: z.literal("pull"),
  req: Req,
  cid: Cid,
  after: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  before: Seq.optional(),
  limit: z.number().int().min(1).max(PULL_LIMIT).default(50),
});

export const Watch = z.object({ t: z.literal("watch"), users: z.array(Uid).min(1).max(WATCH_LIMIT) });
export const Unwatch = z.object({ t: z.literal("unwatch"), users: z.array(Uid).min(1).max(WATCH_LIMIT) });
export const Ping = z.object({ t: z.literal("ping"), n: z.number().optional() });

export const ClientFrame = z.discriminatedUnion("t", [
  Hello,
  Send,
  Release,
  Ack,
  Read,
  Typing,
  Amend,
  Sync,
  Pull,
  Watch,
  Unwatch,
  Ping,
]);
export type ClientFrame = z.infer<typeof ClientFrame>;
export type ClientFrameOf<T extends ClientFrame["t"]> = Extract<ClientFrame, { t: T }>;

const messageFields = {
  cid: Cid,
  seq: Seq.optional(),
  id: z.string(),
  from: Uid,
  ts: z.number().int(),
  kind: z.enum([...Kind.options, "amend", "system"]),
  body: Json.optional(),
  priority: Priority,
  version: Version.optional(),
  reply_to: Seq.optional(),
  mentions: z.array(Uid).optional(),
  target: Seq.optional(),
  op: Op.optional(),
  ephemeral: z.literal(true).optional(),
  edited: z.object({ seq: Seq, ts: z.number().int() }).optional(),
  recalled: z.literal(true).optional(),
  reactions: z.record(z.string(), z.array(Uid)).optional(),
  /** Only in `heads.last`: the text is a beginning of the whole. */
  truncated: z.literal(true).optional(),
};
export const MessageView = z.object(messageFields);
export type MessageView = z.infer<typeof MessageView>;

export const HeadView = z.object({
  cid: Cid,
  type: z.enum(["direct", "group", "system"]),
  head: z.number().int().min(0),
  read: z.number().int().min(0),
  unread: z.number().int().min(0),
  version: Version,
  muted: z.boolean(),
  pinned: z.boolean(),
  peer: z
    .object({
      uid: Uid,
      name: z.string(),
      delivered: z.number().int().min(0),
      read: z.number().int().min(0),
    })
    .optional(),
  name: z.string().optional(),
  last: MessageView.optional(),
  mode: z.enum(["push", "pull"]),
  /** In a group that one joined later: the first entry that one may see. */
  first: Seq.optional(),
  /** One is no member any more; nothing further is told of it. */
  left: z.literal(true).optional(),
});
export type HeadView = z.infer<typeof HeadView>;

export const ErrorCode = z.string();

export const ServerFrame = z.discriminatedUnion("t", [
  z.object({
    t: z.literal("welcome"),
    session: z.string(),
    user: Uid,
    device: DeviceId,
    version: Version,
    ts: z.number().int(),
    heartbeat: z.number(),
    limits: z.object({
      frame: z.number(),
      batch: z.number(),
      body: z.number(),
      rate: z.number(),
      burst: z.number(),
      window: z.number(),
    }),
  }),
  z.object({ t: z.literal("heads"), version: Version, heads: z.array(HeadView).max(HEADS_PER_FRAME) }),
  z.object({ t: z.literal("synced"), req: Req.optional(), version: Version }),
  z.object({ t: z.literal("message"), ...messageFields }),
  z.object({
    t: z.literal("sent"),
    id: z.string(),
    cid: Cid,
    seq: Seq,
    ts: z.number().int(),
    duplicate: z.literal(true).optional(),
  }),
  z.object({ t: z.literal("released"), ids: z.array(z.string()) }),
  z.object({
    t: z.literal("receipt"),
    cid: Cid,
    user: Uid,
    delivered: Seq.optional(),
    read: Seq.optional(),
  }),
  z.object({ t: z.literal("typing"), cid: Cid, user: Uid, on: z.boolean() }),
  z.object({
    t: z.literal("presence"),
    user: Uid,
    state: z.enum(["online", "offline"]),
    last_seen: z.number().int().optional(),
  }),
  z.object({
    t: z.literal("page"),
    req: Req,
    cid: Cid,
    messages: z.array(MessageView),
    head: z.number().int().min(0),
    more: z.boolean(),
  }),
  z.object({ t: z.literal("pong"), n: z.number().optional(), ts: z.number().int() }),
  z.object({
    t: z.literal("error"),
    code: ErrorCode,
    message: z.string(),
    ref: z.union([z.string(), z.number()]).optional(),
    retry_after: z.number().int().optional(),
    request_id: z.string(),
  }),
  z.object({ t: z.literal("goaway"), reason: z.string(), retry_after: z.number().int() }),
]);
export type ServerFrame = z.infer<typeof ServerFrame>;
export type ServerFrameOf<T extends ServerFrame["t"]> = Extract<ServerFrame, { t: T }>;
