/**
 * `@mpim/client`: chat in one's own application. Begin with `connect`; `login` and `register` get a session whose tokens it
 * uses; `indexedDb` and `memory` are places to keep things, `file` in `@mpim/client/node` another.
 */
export { Chat, connect, type ChatEvents, type ConnectOptions, type Found } from "./chat.ts";
export { Conversation, type ConversationEvents, type Receipts } from "./conversation.ts";
export type { Connection, Backoff } from "./core/link.ts";
export type { Presence } from "./core/watching.ts";
export type { Device, Devices } from "./devices.ts";
export { MpimError, type ErrorCode, type ErrorDetails, type Reaction } from "./errors.ts";
export type { Excerpt, PageQuery } from "./excerpt.ts";
export type { FoundGroup, Group, GroupChange, Groups, Member, NewGroup, Role } from "./groups.ts";
export type { TokenSource } from "./http.ts";
export type { AttachmentBody, Draft, Message, MessageState, SendOptions, SystemEvent } from "./message.ts";
export type { Outgoing, Placed } from "./outgoing.ts";
export type { Blocks, Contact, Contacts, Page, PageOptions, User, Users } from "./people.ts";
export {
  login,
  register,
  resume,
  type Session,
  type SessionEvents,
  type SessionOptions,
  type Tokens,
  type TokenStore,
} from "./session.ts";
export type { WebSocketClass, WebSocketLike } from "./socket.ts";
export { forgetIndexedDb, indexedDb } from "./store/indexed-db.ts";
export { memory, type Store, type StoreValue } from "./store/store.ts";
export { localTokens } from "./store/tokens.ts";
