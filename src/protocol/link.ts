/**
 * The language of the link between an edge connection and its user's object. Inside one deployment only, but the two
 * ends may be of different builds, so fields are only ever added.
 *
 * Up: a JSON array of frames, checked by the edge; bodies travel as JSON text, so that the object never parses them.
 * Down: `<version>;<done>;<about>;<seen>\n<payload>`: what the edge must know without parsing the payload, which goes to
 * the client as it is; or `!<json>`: a word to the edge itself.
 */
import type { ClientFrameOf } from "./frames.ts";
import type { DeviceId } from "./ids.ts";

export type UpFrame =
  | (Omit<ClientFrameOf<"send">, "body"> & { body: string })
  | (Omit<ClientFrameOf<"amend">, "body"> & { body: string })
  | ClientFrameOf<"release" | "ack" | "read" | "typing" | "sync" | "pull" | "watch" | "unwatch">;

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
  | { readonly do: "close"; readonly code: "replaced" | "unauthenticated" };

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

/** Frames to the client with the note for the edge. */
export function encodeDown(note: Note, frames: readonly string[]): string {
  const payload = frames.length === 1 ? (frames[0] as string) : `[${frames.join(",")}]`;
  return `${note.version || ""};${note.done.join(",")};${note.about};${note.seen}\n${payload}`;
}

/** A word to the edge. */
export function encodeControl(control: Control): string {
  return `!${JSON.stringify(control)}`;
}

/** Reads either. Only our own objects speak here, so a malformed text is a bug and throws. */
export function decodeDown(text: string): { control: Control } | { note: Note; payload: string } {
  if (text.startsWith("!")) return { control: JSON.parse(text.slice(1)) as Control };
  const end = text.indexOf("\n");
  const first = text.indexOf(";");
  const second = text.indexOf(";", first + 1);
  const third = text.indexOf(";", second + 1);
  if (first < 0 || second < 0 || third < 0 || end < third) throw new Error("a malformed message on the link");
  const done = text.slice(first + 1, second);
  return {
    note: {
      version: Number(text.slice(0, first)),
      done: done === "" ? [] : done.split(","),
      about: text.slice(second + 1, third),
      seen: text.slice(third + 1, end),
    },
    payload: text.slice(end + 1),
  };
}
