/** The cursor of a user search: opaque to clients, and whatever they send back is checked. */
import { base64url } from "jose";
import { z } from "zod";
import type { SearchPosition } from "../../../store/store.ts";

const Position = z.discriminatedUnion("by", [
  z.object({ by: z.literal("username"), username: z.string().max(64) }),
  z.object({ by: z.literal("name"), name: z.string().max(512), id: z.string().max(64) }),
]);

/** Writes a position as a cursor. */
export function encodeCursor(position: SearchPosition): string {
  return base64url.encode(JSON.stringify(position));
}

/** Reads a cursor; undefined when it is none of ours. */
export function decodeCursor(cursor: string): SearchPosition | undefined {
  try {
    const parsed = Position.safeParse(JSON.parse(new TextDecoder().decode(base64url.decode(cursor))));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
