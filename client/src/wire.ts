/** What crosses the wire, as PROTOCOL.md says it: frames of the WebSocket. */

/** What a message is. `amend` changes another message, `system` is written by servers. */
export type Kind = "text" | "image" | "file" | "audio" | "video" | "custom" | "amend" | "system";

/** What an amendment does to its target. */
export type Op = "edit" | "recall" | "react" | "unreact";

/** A message or any other entry of a conversation, as frames and pages carry it. */
export interface WireMessage {
  readonly cid: string;
  /** Position in the conversation; absent when `ephemeral`. */
  readonly seq?: number | undefined;
  readonly id: string;
  readonly from: string;
  /** ms since the epoch, by the server's clock. */
  readonly ts: number;
  readonly kind: Kind;
  readonly body?: unknown;
  readonly priority: number;
  readonly version?: number | undefined;
  readonly reply_to?: number | undefined;
  readonly mentions?: readonly string[] | undefined;
  readonly target?: number | undefined;
  readonly op?: Op | undefined;
  readonly ephemeral?: true | undefined;
  readonly edited?: { readonly seq: number; readonly ts: number } | undefined;
  readonly recalled?: true | undefined;
  readonly reactions?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly truncated?: true | undefined;
}

/** An entry that has its place. */
export type Entry = WireMessage & { readonly seq: number };

/** How a conversation stands for this user. */
export interface WireHead {
  readonly cid: string;
  readonly type: "direct" | "group" | "system";
  readonly head: number;
  readonly read: number;
  readonly unread: number;
  readonly version: number;
  readonly muted: boolean;
  readonly pinned: boolean;
  readonly peer?:
    | { readonly uid: string; readonly name: string; readonly delivered: number; readonly read: number }
    | undefined;
  readonly name?: string | undefined;
  readonly last?: WireMessage | undefined;
  readonly mode: "push" | "pull";
  readonly first?: number | undefined;
  readonly left?: true | undefined;
}

/** What a connection may send. */
export interface Limits {
  /** Bytes of one WebSocket message. */
  readonly frame: number;
  /** Frames of one WebSocket message. */
  readonly batch: number;
  /** Bytes of a body as JSON. */
  readonly body: number;
  /** Frames a second for long, and at once. */
  readonly rate: number;
  readonly burst: number;
  /** Messages that are handed over without an `ack`. */
  readonly window: number;
}

export interface WelcomeFrame {
  readonly t: "welcome";
  readonly session: string;
  readonly user: string;
  readonly device: string;
  readonly version: number;
  readonly ts: number;
  /** Seconds. */
  readonly heartbeat: number;
  readonly limits: Limits;
}

export interface HeadsFrame {
  readonly t: "heads";
  readonly version: number;
  readonly heads: readonly WireHead[];
  /** By the client itself: one of them was not understood. */
  readonly partial?: true;
}

export interface SentFrame {
  readonly t: "sent";
  readonly id: string;
  readonly cid: string;
  readonly seq: number;
  readonly ts: number;
  readonly duplicate?: true | undefined;
}

export interface PageFrame {
  readonly t: "page";
  readonly req: string | number;
  readonly cid: string;
  readonly messages: readonly WireMessage[];
  readonly head: number;
  readonly more: boolean;
}

export interface ErrorFrame {
  readonly t: "error";
  readonly code: string;
  readonly message: string;
  readonly ref?: string | number | undefined;
  readonly retry_after?: number | undefined;
  readonly request_id: string;
}

export interface ReceiptFrame {
  readonly t: "receipt";
  readonly cid: string;
  readonly user: string;
  readonly delivered?: number | undefined;
  readonly read?: number | undefined;
}

/** What the server says. */
export type ServerFrame =
  | WelcomeFrame
  | HeadsFrame
  | { readonly t: "synced"; readonly req?: string | number | undefined; readonly version: number }
  | (WireMessage & { readonly t: "message" })
  | SentFrame
  | { readonly t: "released"; readonly ids: readonly string[] }
  | ReceiptFrame
  | { readonly t: "typing"; readonly cid: string; readonly user: string; readonly on: boolean }
  | {
      readonly t: "presence";
      readonly user: string;
      readonly state: "online" | "offline";
      readonly last_seen?: number | undefined;
    }
  | PageFrame
  | { readonly t: "pong"; readonly n?: number | undefined; readonly ts: number }
  | ErrorFrame
  | { readonly t: "goaway"; readonly reason: string; readonly retry_after: number };

/** A device as it is called in lists of devices. */
export interface WireDevice {
  readonly id: string;
  readonly name?: string | undefined;
  readonly platform?: string | undefined;
}

export interface SendFrame {
  readonly t: "send";
  readonly id: string;
  readonly to: string;
  readonly kind: Exclude<Kind, "amend" | "system">;
  readonly body: unknown;
  readonly qos?: 0 | 1 | 2 | undefined;
  readonly priority?: number | undefined;
  readonly ttl?: number | undefined;
  readonly reply_to?: number | undefined;
  readonly mentions?: readonly string[];
}

export interface AmendFrame {
  readonly t: "amend";
  readonly id: string;
  readonly cid: string;
  readonly target: number;
  readonly op: Op;
  readonly body?: unknown;
}

/** What a client says. */
export type ClientFrame =
  | {
      readonly t: "hello";
      readonly v: 1;
      readonly token: string;
      readonly device: WireDevice;
      readonly since?: number;
    }
  | SendFrame
  | AmendFrame
  | { readonly t: "release"; readonly ids: readonly string[] }
  | { readonly t: "ack" | "read"; readonly cid: string; readonly seq: number }
  | { readonly t: "typing"; readonly cid: string; readonly on: boolean }
  | { readonly t: "sync"; readonly req: string; readonly since: number }
  | {
      readonly t: "pull";
      readonly req: string;
      readonly cid: string;
      readonly after?: number;
      readonly before?: number;
      readonly limit?: number;
    }
  | { readonly t: "watch" | "unwatch"; readonly users: readonly string[] }
  | { readonly t: "ping"; readonly n?: number | undefined };
