/**
 * The language of the link between an edge connection and its user's object. Inside one deployment only, but the two
 * ends may be of different builds, so fields are only ever added.
 *
 * Up: a JSON array of frames, checked by the edge; bodies travel as JSON text, so that the object never parses them.
 * Down: `<version>;<done>;<about>;<seen>;<span>\n<payload>`: what the edge must know without parsing the payload, which goes to
 * the client as it is; or `!<json>`: a word to the edge itself. Relay links speak the same.
 */
import type { ClientFrameOf } from "./frames.ts";
import type { Cid, DeviceId, Uid } from "./ids.ts";

export type UpFrame =
  | (Omit<ClientFrameOf<"send">, "body"> & { body: string })
  | (Omit<ClientFrameOf<"amend">, "body"> & { body: string })
  | ClientFrameOf<"release" | "ack" | "read" | "typing" | "sync" | "pull" | "watch" | "unwatch">
  | Poll;

/** The edge itself asks: tell my client the heads of these groups that have moved beyond what it knows; with `must` all of them. */
export interface Poll {
  readonly t: "poll";
  readonly cids: readonly Cid[];
  /** What this client has or was told of, in the order of `cids`: of a user's clients one may be further than another. */
  readonly seqs: readonly number[];
  readonly must: boolean;
}

/** Frames over a relay link. */
export type RelayUpFrame = ClientFrameOf<"ack" | "read">;

/** Who is at the edge's end; sent with the link's opening request. */
export interface Attach {
  /** One client connection; a link that is made anew keeps it. */
  readonly session: string;
  readonly device: DeviceId;
  /** When the client connected: of two connections of one device the later one stays. */
  readonly started: number;
  /** The login that the token belongs to. */
  readonly login?: string | undefined;
  readonly name?: string | undefined;
  readonly platform?: string | undefined;
  /** Tell the heads that changed after this version. */
  readonly since?: number | undefined;
  /** What went to the client lately: cid → seq. The object may have died before it wrote these heads. */
  readonly seen?: Readonly<Record<string, number>> | undefined;
  /** True: this session had a link before, so no `synced` follows the heads. */
  readonly again: boolean;
}

export type Control =
  | { readonly do: "attached"; readonly version: number }
  | { readonly do: "close"; readonly code: "replaced" | "unauthenticated" }
  /**
   * These groups are in pull mode, the one used last first: the client has everything up to `seq`, or was told of the hole.
   * `whole`: there are no others, which is said once after every `attached`.
   */
  | { readonly do: "pull"; readonly groups: readonly PullGroup[]; readonly whole: boolean }
  /** This group is in push mode: entries after `seq` come over this link. */
  | { readonly do: "push"; readonly cid: Cid; readonly seq: number }
  /** The user is no member of this group any more. */
  | { readonly do: "left"; readonly cid: Cid };

export interface PullGroup {
  readonly cid: Cid;
  readonly seq: number;
  readonly relays: number;
}

/** What a relay says to an edge beside payloads. */
export type RelayControl =
  /** Entries after `head` follow; those up to it came with this message's payloads, or `hole` says that they do not come. */
  | { readonly do: "admitted"; readonly head: number; readonly hole: boolean }
  /** The client does not acknowledge (FLW1): it is told of heads only, until it does. */
  | { readonly do: "behind"; readonly head: number }
  /** The group is that far; what a client lacks of it does not come over this link. */
  | { readonly do: "head"; readonly head: number }
  /** This relay has nothing more for the link, which it closes. */
  | {
      readonly do: "ended";
      readonly why: "push" | "gone" | "stale" | "again";
      readonly seq: number;
      readonly relays: number;
    };

/** Who is at the edge's end of a relay link; sent with its opening request. */
export interface RelayAttach {
  readonly cid: Cid;
  readonly uid: Uid;
  readonly session: string;
  readonly device: DeviceId;
  /** The client has everything up to here, or knows of the hole. */
  readonly after: number;
  /** The relays that the edge chose among, and the epoch of the routing table that it chose by. */
  readonly relays: number;
  readonly epoch: number;
}

/** What a payload's first line tells the edge. */
export interface Note {
  /** The client knows everything up to here once it has the payload; 0 = says nothing. */
  readonly version: number;
  /** Keys of requests that the payload answers. */
  readonly done: readonly string[];
  /** The payload is the presence of this user: only for sessions that watch it. */
  readonly about: string;
  /** The newest entry in the payload, `<cid> <seq>`. */
  readonly seen: string;
  /**
   * In a group, whose entries come on two ways: which entries the payload holds, and nothing else, `<cid> <first> <last>`; or
   * that it tells heads, `<cid> 0 <head>`, several with commas between. The edge brings both ways into one order (ORD2).
   * "" = none.
   */
  readonly span: string;
}

/** A payload for the client, with what the edge must know of it. */
export interface Down {
  readonly note: Note;
  readonly payload: string;
}

/** The key of the heads that a `hello` asked for. */
export const SYNCED = "=";

/** The key under which the edge keeps a request until it is answered; undefined for frames without an answer. */
export function keyOf(frame: UpFrame): string | undefined {
  switch (frame.t) {
    case "send":
      return frame.qos === 0 ? undefined : frame.id;
    case "amend":
      return frame.id;
    case "release":
      return releaseKey(frame.ids);
    case "sync":
    case "pull":
      return requestKey(frame.req);
    default:
      return undefined;
  }
}

/** Ids never contain `=`, so the keys of the three sorts of requests cannot meet. */
export function requestKey(req: string | number): string {
  return `=${JSON.stringify(req).replaceAll(/[%,;\n]/g, (c) => `%${c.charCodeAt(0)}`)}`;
}

/** The key of a `release` frame. */
export function releaseKey(ids: readonly string[]): string {
  return `=r=${ids.join("+")}`;
}

/** What stands in `Note.span`. */
export interface Span {
  readonly cid: Cid;
  /** 0: the payload tells the head, `last`. */
  readonly first: number;
  readonly last: number;
}

/** `Note.span` of a payload that holds these entries. */
export function spanOf(cid: Cid, first: number, last: number): string {
  return `${cid} ${first} ${last}`;
}

/** Reads `Note.span`. */
export function spansOf(span: string): Span[] {
  if (span === "") return [];
  return span.split(",").map((one) => {
    const [cid, first, last] = one.split(" ");
    return { cid: cid as Cid, first: Number(first), last: Number(last) };
  });
}

/** Frames to the client with the note for the edge. */
export function encodeDown(note: Note, frames: readonly string[]): string {
  const payload = frames.length === 1 ? (frames[0] as string) : `[${frames.join(",")}]`;
  return `${note.version || ""};${note.done.join(",")};${note.about};${note.seen};${note.span}\n${payload}`;
}

/** A word to the edge. */
export function encodeControl(control: Control | RelayControl): string {
  return `!${JSON.stringify(control)}`;
}

/** Reads either, from a user's object. Only our own objects speak here, so a malformed text is a bug and throws. */
export function decodeDown(text: string): { control: Control } | Down {
  return text.startsWith("!") ? { control: JSON.parse(text.slice(1)) as Control } : decodePayload(text);
}

/** Reads either, from a relay. */
export function decodeRelayed(text: string): { control: RelayControl } | Down {
  return text.startsWith("!") ? { control: JSON.parse(text.slice(1)) as RelayControl } : decodePayload(text);
}

function decodePayload(text: string): Down {
  const end = text.indexOf("\n");
  const [version, done, about, seen, span = "", ...rest] = text.slice(0, Math.max(0, end)).split(";");
  if (done === undefined || about === undefined || seen === undefined || rest.length > 0) {
    throw new Error("a malformed message on the link");
  }
  return {
    note: { version: Number(version), done: done === "" ? [] : done.split(","), about, seen, span },
    payload: text.slice(end + 1),
  };
}
