/** Logins that share a place with those of others: what one session does is never done as somebody else. */
import { expect, onTestFinished, test, vi } from "vitest";
import { login, register, resume, Session, type Tokens, type TokenStore } from "../../../client/src/session.ts";

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

/** A place that cannot be written while it is `full`, or read while it is `broken`. Counts how often it was read. */
function disk(kept?: Tokens) {
  const there = { kept, full: true, broken: false, read: 0 };
  const keep: TokenStore = {
    async load() {
      there.read += 1;
      // Longer than what is said at once takes.
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (there.broken) throw new Error("EIO");
      return there.kept;
    },
    async save(tokens) {
      if (there.full) throw new Error("ENOSPC");
      there.kept = tokens;
    },
  };
  return { there, keep };
}

/** At such a place, and at a server that renews, or refuses as something does. */
function faulty(refuse?: () => Response | undefined) {
  const exchanged: string[] = [];
  const told: unknown[] = [];
  const start = tokensOf("ann", "0", 0);
  const { there, keep } = disk(start);
  const answer: typeof fetch = async (input, init) => {
    const { refresh_token: token } = JSON.parse(await new Request(input, init).text()) as { refresh_token: string };
    exchanged.push(token);
    const n = exchanged.length;
    const granted = { user: start.user, token: `${n}`, refresh_token: `refresh ${n}`, expires_in: n === 1 ? 1 : 3600 };
    return refuse?.() ?? Response.json(granted);
  };
  const session = new Session({ url: "http://server", keep, fetch: answer }, start);
  session.on("storeError", (error) => told.push(error));
  return { session, keep, exchanged, told, there };
}

/** What could not be kept may be tried again from now on. */
function later(): void {
  const clock = vi.spyOn(performance, "now").mockReturnValue(performance.now() + 60_000);
  onTestFinished(() => clock.mockRestore());
}

const never = async (): Promise<never> => new Promise(() => {});
const told = async (session: Session): Promise<unknown> =>
  new Promise((resolve) => void session.once("storeError", resolve));

test("tokens that cannot be kept are told, used, and kept later; none is exchanged twice", async () => {
  const at = faulty();
  const first = told(at.session);
  expect(await at.session.token({ refused: undefined })).toBe("1");
  expect(await first).toMatchObject({ message: "ENOSPC" });
  const second = told(at.session);
  expect(await at.session.token({ refused: undefined })).toBe("2");
  await second;
  expect(at.exchanged).toEqual(["refresh 0", "refresh 1"]);
  expect(at.there.kept?.token).toBe("0");
  at.there.full = false;
  later();
  expect(await at.session.token({ refused: undefined })).toBe("2");
  await vi.waitFor(() => expect(at.there.kept?.token).toBe("2"));
  expect([at.told.length, at.exchanged.length]).toEqual([2, 2]);
});

test("what somebody else has put there since is not replaced by tokens that could not be kept", async () => {
  const at = faulty();
  await at.session.token({ refused: undefined });
  at.there.full = false;
  at.there.kept = tokensOf("ann", "newer");
  expect(await at.session.token({ refused: undefined })).toBe("newer");
  expect([at.there.kept.token, at.exchanged.length]).toEqual(["newer", 1]);
});

test("nor is it while the tokens that could not be kept are good", async () => {
  const { there, keep } = disk();
  const session = await login({ ...someone, keep });
  await told(session);
  there.full = false;
  later();
  const theirs = tokensOf("ann", "newer");
  there.kept = theirs;
  const { read } = there;
  expect(await session.token({ refused: undefined })).toBe("granted");
  expect(there.read).toBe(read + 1);
  // What follows from that look has been done once this is.
  expect(await session.token({ refused: "granted" })).toBe("newer");
  expect(there.kept).toBe(theirs);
});

const granting: typeof fetch = async (input) =>
  new Request(input).url.endsWith("/logout")
    ? new Response(null, { status: 204 })
    : Response.json({
        user: { id: "ann", username: "ann", name: "ann", avatar: null },
        token: "granted",
        refresh_token: "refresh granted",
        expires_in: 3600,
      });
const someone = { url: "http://server", username: "ann", password: "secret", fetch: granting };

test("who registers or logs in on a full disk has a session, which tells it and keeps its tokens later", async () => {
  for (const begin of [register, login])
    for (const before of [undefined, tokensOf("bob", "of bob")]) {
      const { there, keep } = disk(before);
      const session = await begin({ ...someone, keep });
      // Whoever listens from here on hears of it.
      expect(await told(session)).toMatchObject({ message: "ENOSPC" });
      there.full = false;
      later();
      expect(await session.token({ refused: undefined })).toBe("granted");
      await vi.waitFor(() => expect(there.kept?.token).toBe("granted"));
    }
});

test("who has logged in on a full disk renews the login, whosever tokens are there", async () => {
  for (const before of [undefined, tokensOf("bob", "of bob")]) {
    const { there, keep } = disk(before);
    const session = await login({ ...someone, keep });
    expect(await session.token({ refused: "granted" })).toBe("granted");
    expect([session.user.id, there.kept]).toEqual(["ann", before]);
  }
});

test("a good token is given at once, though the place hangs, and what could not be kept is tried once for all who ask", async () => {
  const { keep } = disk();
  let loads = 0;
  const session = await login({
    ...someone,
    keep: {
      ...keep,
      load() {
        loads += 1;
        return loads === 1 ? keep.load() : never();
      },
    },
  });
  await told(session);
  later();
  const all = await Promise.all([1, 2, 3].map(async () => session.token({ refused: undefined })));
  expect([all, loads]).toEqual([["granted", "granted", "granted"], 2]);
});

test("a place that never takes the tokens holds up nobody: it is told, and what comes late replaces nothing newer", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const saved: (string | undefined)[] = [];
  const keep: TokenStore = {
    load: async () => undefined,
    save: async (tokens) => {
      saved.push(tokens?.token);
      return never();
    },
  };
  const beginning = login({ ...someone, keep });
  await vi.advanceTimersByTimeAsync(10_000);
  const session = await beginning;
  const first = told(session);
  await vi.advanceTimersByTimeAsync(1);
  expect(await first).toMatchObject({ code: "store_failed" });
  const renewing = session.token({ refused: "granted" });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await renewing).toBe("granted");
  expect(saved).toEqual(["granted"]);
});

test("tokens that cannot be read are an error of this library, whoever asks; who logs out with a good one needs none", async () => {
  const { there, keep } = disk(tokensOf("ann", "0"));
  const failure = { name: "MpimError", code: "unavailable", cause: { message: "EIO" } };
  there.broken = true;
  await expect(resume({ url: "http://server", keep })).rejects.toMatchObject(failure);
  const old = new Session({ ...someone, keep }, tokensOf("ann", "0", 0));
  await expect(old.logout()).rejects.toMatchObject(failure);
  const good = new Session({ ...someone, keep }, tokensOf("ann", "0"));
  await good.logout();
  expect(good.tokens).toBeUndefined();
});

test("a login is over when the server says so: not when its tokens cannot be read, or a proxy wants a login of its own", async () => {
  const refused = (code: string): Response =>
    Response.json({ error: { code, message: "", request_id: "r" } }, { status: 401 });
  let answer: Response | undefined = new Response("<html>log in</html>", { status: 401 });
  const at = faulty(() => answer?.clone());
  await expect(at.session.token({ refused: undefined })).rejects.toMatchObject({ code: "unavailable" });
  at.there.broken = true;
  await expect(at.session.token({ refused: undefined })).rejects.toMatchObject({ code: "unavailable" });
  expect(at.session.tokens?.token).toBe("0");
  at.there.broken = false;
  answer = refused("unauthenticated");
  // Nor can it be forgotten: the end is the end.
  await expect(at.session.token({ refused: undefined })).rejects.toMatchObject({ code: "unauthenticated" });
  expect([at.session.tokens, at.told.length]).toEqual([undefined, 1]);
});
