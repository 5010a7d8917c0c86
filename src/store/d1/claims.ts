/** Idempotency claims in D1. */
import { eq, lte } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { Claims } from "../store.ts";
import { attempt } from "./attempt.ts";
import { claims } from "./schema.ts";

/** The driver for D1. */
export function d1Claims(db: DrizzleD1Database): Claims {
  return {
    async claim(claim, now) {
      // One batch is one transaction, so the row read is the one that holds the key.
      const [, , rows] = await attempt(() =>
        db.batch([
          db.delete(claims).where(lte(claims.expires, now)),
          db.insert(claims).values(claim).onConflictDoNothing(),
          db.select().from(claims).where(eq(claims.key, claim.key)),
        ]),
      );
      return rows[0] ?? claim;
    },
  };
}
