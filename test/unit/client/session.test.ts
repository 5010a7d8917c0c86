/** Logins that share a place with those of others: what one session does is never done as somebody else. */
import { expect, test } from "vitest";
import { Session, type Tokens, type TokenStore } from "../../../client/src/session.ts";

const tokensOf = (id: string, token: string, expires = Infinity): Tokens => ({
  user: { id, username: id, name: id, avatar: null },
  token,
  refreshToken: `refresh ${token}`,
  expires,
});

interface Place {
  readonly session: Session;
  readonly asked: string[];
  readonly told: (string | undefined)[];
  kept: Tokens | undefined;
}

/** A session of `own`, at a place where `kept` was put since. */
function place(own: Tokens, kept: Tokens | undefined): Place {
  const asked: string[] = [];
  const told: (string | undefined)[] = [];
  const keep: TokenStore = {
    load: () => Promise.resolve(found.kept),
    save(tokens) {
      found.kept = tokens;
      return Promise.resolve();
    },
  };
  const granted = { user: own.user, token: "renewed", refresh_token: "refresh renewed", expires_in: 3600 };
  const answer: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const refresh = request.url.endsWith("/refresh");
    const said = refresh ? await request.text() : request.headers.get("authorization");
    asked.push(`${request.url.replace(/.*\/auth\//, "")} ${said}`);
    return refresh ? Response.json(granted) : new Response(null, { status: 204 });
  };
  const session = new Session({ url: "http://server", keep, fetch: answer }, own);
  session.on("tokens", (tokens) => told.push(tokens?.token));
  const found: Place = { session, asked, told, kept };
  return found;
}

test("a session never takes the tokens of another user, who has logged in at the same place", async () => {
  const bob = tokensOf("bob", "of bob");
  const at = place(tokensOf("ann", "of ann", 0), bob);
  await expect(at.session.token({ refused: undefined })).rejects.toMatchObject({ code: "unauthenticated" });
  expect(at.session.tokens).toBeUndefined();
  expect(at.told).toEqual([undefined]);
  expect(at.kept).toBe(bob);
  expect(at.asked).toEqual([]);
  // Of the same user they are as good as one's own.
  const own = place(tokensOf("ann", "of ann", 0), tokensOf("ann", "newer"));
  expect(await own.session.token({ refused: undefined })).toBe("newer");
});

test("who logs out ends their own login, and leaves another user's tokens where they are", async () => {
  const bob = tokensOf("bob", "of bob");
  const fresh = place(tokensOf("ann", "of ann"), bob);
  await fresh.session.logout();
  expect(fresh.asked).toEqual(["logout Bearer of ann"]);
  expect([fresh.kept, fresh.session.tokens]).toEqual([bob, undefined]);

  const late = place(tokensOf("ann", "of ann", 0), bob);
  await late.session.logout();
  expect(late.asked).toEqual([`refresh {"refresh_token":"refresh of ann"}`, "logout Bearer renewed"]);
  expect([late.kept, late.session.tokens]).toEqual([bob, undefined]);

  // Once more has nothing to end.
  await late.session.logout();
  expect([late.kept, late.asked.length]).toEqual([bob, 2]);

  const alone = place(tokensOf("ann", "of ann"), tokensOf("ann", "of ann"));
  await alone.session.logout();
  expect([alone.kept, alone.told]).toEqual([undefined, [undefined]]);
});
