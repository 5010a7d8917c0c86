/** The cursor of a user search: opaque to clients, and whatever they send back is checked. */
import { z } from "zod";
import type { SearchPosition } from "../../../store/store.ts";

const Position = z.discriminatedUnion("by", [
  z.object({ by: z.literal("username"), username: z.string().max(64) }),
  z.object({ by: z.literal("name"), name: z.string().max(512), id: z.string().max(64) }),
]);

/** Writes a position as a cursor. */
export function encodeCursor(position: SearchPosition): string {
  return Buffer.from(JSON.stringify(position)).toString("base64url");
}

/** Reads a cursor; undefined when it is none of ours. */
export function decodeCursor(cursor: string): SearchPosition | undefined {
  try {
    const parsed = Position.safeParse(JSON.parse(Buffer.from(cursor, "base64url").toString()));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
