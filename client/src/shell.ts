/** Between the core and the world: sockets, timers, the store, and the order in which things reach the core. */
import { Clock } from "./clock.ts";
import { Core, type CoreOptions } from "./core/core.ts";
import type { CoreEvent } from "./core/events.ts";
import type { Held } from "./core/log.ts";
import { heldOf, savedOf } from "./core/saved.ts";
import { CHAT, ME, messagesOf, OUT } from "./core/state.ts";
import { failed, MpimError } from "./errors.ts";
import type { TokenSource } from "./http.ts";
import { newId } from "./id.ts";
import { Keeper } from "./keeper.ts";
import { Socket, type WebSocketClass } from "./socket.ts";
import { storeFailed, type Store } from "./store/store.ts";
import { LONGEST_TIMER_MS, within } from "./within.ts";
import type { ServerFrame, WireDevice } from "./wire.ts";

export interface ShellOptions {
  readonly url: string;
  readonly token: TokenSource;
  readonly store: Store;
  readonly WebSocket: WebSocketClass;
  /** The store opens in this time, ms. */
  readonly timeout: number;
  readonly core: Omit<CoreOptions, "device">;
  readonly device: { readonly [Field in keyof WireDevice]?: WireDevice[Field] | undefined };
}

type Rows = ReadonlyMap<string, unknown>;

const DEVICE = "device";
/** A token takes at most so long: less than making a connection does, so that it is known which of the two did not come. */
const TOKEN_MS = 14_000;

export class Shell {
  readonly core: Core;
  /** This device's id. */
  readonly device: string;
  /** Is told what the core tells, after it is done with a turn. */
  listener: (event: CoreEvent) => void = () => {};
  /** The store cannot be read or written. */
  storeFailed: (error: MpimError) => void = () => {};
  readonly #options: ShellOptions;
  readonly #keeper: Keeper;
  readonly #clock = new Clock();
  #socket: Socket | undefined;
  #token: string | undefined;
  /** What the newest attempt to connect does not have yet. */
  #missing = "token";
  /** The number of the newest attempt to connect: what older ones bring is nobody's. */
  #attempt = 0;
  #events: CoreEvent[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Ends when all that came so far has reached the core. */
  #line: Promise<void> = Promise.resolve();
  #inside = false;
  readonly #faults: unknown[] = [];
  #closed = false;
  readonly #loading = new Map<string, Promise<void>>();

  private constructor(options: ShellOptions, device: string, saved: ConstructorParameters<typeof Core>[0]) {
    this.#options = options;
    this.device = device;
    this.#keeper = new Keeper(options.store, (error) => this.storeFailed(error));
    const { name, platform } = options.device;
    this.core = new Core(
      saved,
      { ...options.core, device: { id: device, name, platform } },
      {
        open: (refused) => void this.#open(refused),
        write: (text) => this.#socket?.write(text),
        shut: (code) => this.#shut(code),
        save: (key, value) => this.#keeper.save(key, value),
        kept: () => this.#keeper.idle,
        emit: (event) => void this.#events.push(event),
        chance: () => Math.random(),
        id: () => this.newId(),
        wall: (at) => this.#clock.wall(at),
      },
    );
    if (saved.me === undefined) this.#keeper.save(DEVICE, device);
  }

  /** Reads the store. Rejects with `store_failed`. */
  static async open(options: ShellOptions): Promise<Shell> {
    const { store } = options;
    const opened = (async () => store.open())();
    const read = async (): Promise<[Rows, Rows, Rows, Rows]> => {
      await opened;
      const rows = Promise.all([ME, DEVICE, CHAT, OUT].map((prefix) => store.read(prefix)));
      return (await rows) as unknown as [Rows, Rows, Rows, Rows];
    };
    const late = (): MpimError => storeFailed("the store does not open");
    const [me, device, rooms, out] = await within(options.timeout, read(), late).catch((cause: unknown) => {
      // Also when it opens later: nobody else would.
      void opened.then(async () => store.close()).catch(() => {});
      throw storeFailed("the store cannot be opened", cause);
    });
    const kept = device.get(DEVICE);
    const id = options.device.id ?? (typeof kept === "string" ? kept : `d_${newId()}`);
    const { saved, lost } = savedOf(me, rooms, out);
    const shell = new Shell(options, id, saved);
    shell.#forget(lost);
    return shell;
  }

  /** Something for the core to do, now; and then what follows from it. */
  turn<T>(work: (core: Core, now: number) => T): T {
    // A listener that calls back during a turn's events has its own turn at once: the core itself is never entered twice.
    const result = work(this.core, this.#clock.now());
    if (!this.#closed) this.#keeper.flush();
    this.#schedule();
    this.#tell();
    return result;
  }

  /** The server's, as far as it is known, ms. */
  get serverTime(): number {
    return this.#clock.now() + this.core.state.ahead;
  }

  /** A new message id, with the server's time: it refuses those that are too old. */
  newId(): string {
    return newId(this.serverTime);
  }

  /** Makes sure that what is stored of a conversation is in the core. Never rejects. */
  async load(cid: string): Promise<void> {
    if (this.core.state.rooms.get(cid)?.loaded !== false) return;
    const loading = this.#loading.get(cid) ?? this.#load(cid).finally(() => this.#loading.delete(cid));
    this.#loading.set(cid, loading);
    await loading;
  }

  async #load(cid: string): Promise<void> {
    let held: Held[] | undefined;
    try {
      const rows = await this.#options.store.read(messagesOf(cid));
      held = heldOf(rows);
      if (held === undefined) this.#forget([...rows.keys()]);
    } catch (error) {
      if (!this.#closed) this.storeFailed(storeFailed(`what is stored of ${cid} cannot be read`, error));
    }
    // After its end nothing is to be put aside for good.
    if (!this.#closed) this.turn((core) => core.load(cid, held));
    this.complain();
  }

  /** What cannot be read is of no use. */
  #forget(keys: readonly string[]): void {
    if (keys.length === 0) return;
    for (const key of keys) this.#keeper.save(key, undefined);
    this.#faults.push(storeFailed(`the store has what cannot be read, and is dropped: ${keys.join(", ")}`));
  }

  /** Tells what of the store could not be read. */
  complain(): void {
    for (const fault of [...this.#faults.splice(0), ...(this.#options.store.faults?.() ?? [])])
      this.storeFailed(storeFailed("what is stored cannot be read", fault));
  }

  /** The store took what was written last. */
  get keeps(): boolean {
    return !this.#keeper.failing;
  }

  /** Resolves when all that was done so far is in the store. Rejects when it cannot be. */
  async kept(): Promise<void> {
    await this.#keeper.kept();
  }

  /** Nothing comes of it any more. */
  get ended(): boolean {
    return this.#closed || this.core.link.ended;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.turn((core, now) => core.end(new MpimError("closed", "the chat was closed"), now));
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#line;
    // Why it is not kept the keeper has told.
    await this.#keeper.kept().catch(() => {});
    await this.#options.store
      .close()
      .catch((error: unknown) => this.storeFailed(storeFailed("the store cannot be closed", error)));
  }

  /** What a connection waits for that does not come about. */
  get lack(): MpimError {
    return this.#missing === "token"
      ? new MpimError("unavailable", "the function for the token does not answer")
      : new MpimError("offline", "the server does not answer");
  }

  // --- the socket ------------------------------------------------------------------------------------------------

  async #open(refused: boolean): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    const current = (): boolean => attempt === this.#attempt && !this.#closed;
    this.#missing = "token";
    try {
      const asked = Promise.resolve(this.#options.token({ refused: refused ? this.#token : undefined }));
      const token = await within(TOKEN_MS, asked, () => this.lack);
      if (!current()) return;
      this.#missing = "WebSocket";
      this.#token = token;
      this.#socket = this.#connect(token, current);
    } catch (cause) {
      const known = cause instanceof MpimError ? cause : failed("unavailable", `there is no ${this.#missing}`, cause);
      if (current()) this.turn((core, now) => core.lost(0, known, now));
    }
  }

  #connect(token: string, current: () => boolean): Socket {
    let open = false;
    return new Socket(this.#options.url, this.#options.WebSocket, {
      opened: () => {
        open = true;
        this.#then(() => current() && this.turn((core, now) => core.opened(token, now)));
      },
      received: (frames, characters) => this.#received(frames, characters, current),
      lost: (code, cause) =>
        this.#then(() => {
          if (!current()) return;
          this.#socket = undefined;
          const error = open ? undefined : failed("offline", "no connection can be made", cause);
          this.turn((core, now) => core.lost(code, error, now));
        }),
    });
  }

  #shut(code: number): void {
    this.#attempt += 1;
    this.#socket?.shut(code);
    this.#socket = undefined;
  }

  #received(frames: readonly ServerFrame[], characters: number, current: () => boolean): void {
    this.#then(async () => {
      if (!current()) return;
      await Promise.all(this.core.unloaded(frames).map(async (cid) => this.load(cid)));
      if (current()) this.turn((core, now) => core.received(frames, characters, now));
    });
  }

  /** Does the work after all that came before it. */
  #then(work: () => unknown): void {
    const before = this.#line;
    const run = async (): Promise<void> => {
      await before;
      try {
        await work();
      } catch (error) {
        // A bug: not to be swallowed, nor to stop what comes next.
        queueMicrotask(() => {
          throw error;
        });
      }
    };
    this.#line = run();
  }

  // --- time, store, events ---------------------------------------------------------------------------------------

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.ended) return;
    const now = this.#clock.now();
    const next = this.core.nextTick(now);
    if (next === Infinity) return;
    const wait = Math.min(LONGEST_TIMER_MS, Math.max(1, next - now));
    this.#timer = setTimeout(() => this.turn((core, at) => core.tick(at)), wait);
  }

  #tell(): void {
    if (this.#inside) return;
    this.#inside = true;
    try {
      for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) this.listener(event);
    } finally {
      this.#inside = false;
    }
  }
}
