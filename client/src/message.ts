/** Messages as an application sees and writes them. */
import type { MpimError } from "./errors.ts";
import type { GroupChange, Role } from "./groups.ts";
import type { Kind } from "./wire.ts";

/**
 * How far one's own message has come: `pending` in the outbox, `sending` written to a connection, `sent` on the server's
 * disk, `delivered` to every other member, `read` by every other member; or `failed`, see `error`.
 */
export type MessageState = "pending" | "sending" | "sent" | "delivered" | "read" | "failed";

/** One message. Never changes: what happens to a message makes a new object with the same `key`. */
export interface Message {
  /** The same for the whole life of a message in this client: good as key of a list. */
  readonly key: string;
  readonly id: string;
  /** The conversation. */
  readonly cid: string;
  /** Position in the conversation; undefined until it is sent, and of ephemeral messages. */
  readonly seq: number | undefined;
  /** Who wrote it, a uid. */
  readonly from: string;
  /** Written by this user, on whatever device. */
  readonly mine: boolean;
  /** ms since the epoch: the server's time, for what is not sent yet this device's. */
  readonly ts: number;
  readonly kind: Exclude<Kind, "amend">;
  /** What its kind says: `AttachmentBody`, `SystemEvent`, or for `text` more than the text; undefined when recalled. */
  readonly body: unknown;
  /** The text of kind `text`, else `""`. */
  readonly text: string;
  readonly priority: number;
  /** `seq` of the message that this one answers. */
  readonly replyTo: number | undefined;
  /** The uids that are mentioned. */
  readonly mentions: readonly string[];
  /** When it was last edited; an edit of one's own that is under way counts. */
  readonly edited: { readonly ts: number } | undefined;
  readonly recalled: boolean;
  /** Uids by emoji. */
  readonly reactions: Readonly<Record<string, readonly string[]>>;
  /** Not stored anywhere: quality of service 0. */
  readonly ephemeral: boolean;
  /** Of one's own messages; undefined for those of others. */
  readonly state: MessageState | undefined;
  /** Why it failed. */
  readonly error: MpimError | undefined;
}

/** How and to whom beyond the body. */
export interface SendOptions {
  /**
   * An id of one's own, `[A-Za-z0-9_-]{8,64}`: the same id is the same message, however often it is sent, also after a crash.
   * The server knows an id for 24 hours (with `qos: 2` until this client has seen that it is sent).
   */
  readonly id?: string | undefined;
  /** `seq` of the message that this one answers. */
  readonly replyTo?: number | undefined;
  /** Uids, at most 100. */
  readonly mentions?: readonly string[] | undefined;
  /** 0: to whoever is online, stored nowhere. 1 (usual): once, however often it is sent again within a day. 2: for ever. */
  readonly qos?: 0 | 1 | 2 | undefined;
  /** 0 low, 1 normal (usual), 2 high, 3 urgent. */
  readonly priority?: 0 | 1 | 2 | 3 | undefined;
  /** Seconds after which it is given up. */
  readonly ttl?: number | undefined;
}

/** The body of `image`, `file`, `audio` and `video`. */
export interface AttachmentBody {
  /** A URL, or the name of an attachment. */
  readonly attachment: string;
  readonly name?: string | undefined;
  /** Bytes. */
  readonly size?: number | undefined;
  readonly [more: string]: unknown;
}

/**
 * The body of kind `system`: what happened to a group, or what the system tells its user. Newer servers tell more: show what is
 * not known as nothing. In the `last` of a conversation a long one may have its `event` and `user` only.
 */
export type SystemEvent =
  | { readonly event: "created" | "renamed"; readonly name: string }
  /** Uids; who leaves removes himself. */
  | { readonly event: "member_added" | "member_removed" | "member_joined"; readonly users: readonly string[] }
  /** Those that changed. */
  | ({ readonly event: "changed" } & Omit<GroupChange, "name">)
  | { readonly event: "role_changed"; readonly user: string; readonly role: Role }
  | { readonly event: "owner_changed"; readonly user: string }
  /** `until`: ms since the epoch; 0: no longer. */
  | { readonly event: "member_muted"; readonly user: string; readonly until: number }
  | { readonly event: "dismissed" }
  | { readonly event: "contact_request"; readonly user: string; readonly message?: string | undefined }
  | { readonly event: "contact_accepted"; readonly user: string };

/** What to send: a text, an attachment, or JSON of the application's own. */
export type Draft = SendOptions &
  (
    | { readonly text: string }
    | { readonly kind: "text"; readonly body: { readonly text: string; readonly [more: string]: unknown } }
    | { readonly kind: "image" | "file" | "audio" | "video"; readonly body: AttachmentBody }
    | { readonly kind: "custom"; readonly body: unknown }
  );
