/** Between the core and the world: sockets, timers, the store, and the order in which things reach the core. */
import { Core, type CoreOptions } from "./core/core.ts";
import type { CoreEvent } from "./core/events.ts";
import type { Held } from "./core/log.ts";
import type { OutRecord } from "./core/outbox.ts";
import type { RoomRecord } from "./core/room.ts";
import { CHAT, ME, messagesOf, OUT, type MeRecord } from "./core/state.ts";
import { MpimError } from "./errors.ts";
import type { TokenSource } from "./http.ts";
import { newId } from "./id.ts";
import { Keeper } from "./keeper.ts";
import { Socket, type WebSocketClass } from "./socket.ts";
import type { Store } from "./store/store.ts";
import type { ServerFrame } from "./wire.ts";

export interface ShellOptions {
  readonly url: string;
  readonly token: TokenSource;
  readonly store: Store;
  readonly WebSocket: WebSocketClass;
  readonly core: Omit<CoreOptions, "device">;
  readonly device: {
    readonly id?: string | undefined;
    readonly name?: string | undefined;
    readonly platform?: string | undefined;
  };
}

const DEVICE = "device";
/** Timers beyond this overflow. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Shell {
  readonly core: Core;
  /** Is told what the core tells, after it is done with a turn. */
  listener: (event: CoreEvent) => void = () => {};
  /** The store cannot be read or written. */
  storeFailed: (error: unknown) => void = () => {};
  readonly #options: ShellOptions;
  readonly #keeper: Keeper;
  #socket: Socket | undefined;
  #token: string | undefined;
  /** The number of the newest attempt to connect: what older ones bring is nobody's. */
  #attempt = 0;
  #events: CoreEvent[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Ends when all that came so far has reached the core. */
  #line: Promise<void> = Promise.resolve();
  #inside = false;
  #closed = false;

  private constructor(options: ShellOptions, device: string, saved: ConstructorParameters<typeof Core>[0]) {
    this.#options = options;
    this.#keeper = new Keeper(options.store, (error) => this.storeFailed(error));
    const { name, platform } = options.device;
    const about = { id: device, ...(name !== undefined && { name }), ...(platform !== undefined && { platform }) };
    this.core = new Core(
      saved,
      { ...options.core, device: about },
      {
        open: (refused) => void this.#open(refused),
        write: (text) => this.#socket?.write(text),
        shut: (code) => this.#shut(code),
        save: (key, value) => this.#keeper.save(key, value),
        emit: (event) => void this.#events.push(event),
        chance: () => Math.random(),
        id: () => newId(),
      },
    );
    if (saved.me === undefined) this.#keeper.save(DEVICE, device);
  }

  /** Reads the store. */
  static async open(options: ShellOptions): Promise<Shell> {
    const { store } = options;
    await store.open();
    const [me, device, rooms, out] = await Promise.all([ME, DEVICE, CHAT, OUT].map((prefix) => store.read(prefix)));
    const kept = device?.get(DEVICE) as string | undefined;
    const id = options.device.id ?? kept ?? `d_${newId()}`;
    return new Shell(options, id, {
      me: me?.get(ME) as MeRecord | undefined,
      rooms: [...(rooms?.values() ?? [])] as RoomRecord[],
      outbox: [...(out?.values() ?? [])] as OutRecord[],
    });
  }

  /** Something for the core to do, now; and then what follows from it. */
  turn<T>(work: (core: Core, now: number) => T): T {
    // A listener that calls back during a turn's events has its own turn at once: the core itself is never entered twice.
    const result = work(this.core, Date.now());
    this.#keeper.flush();
    this.#schedule();
    this.#tell();
    return result;
  }

  /** Makes sure that what is stored of a conversation is in the core. */
  async load(cid: string): Promise<void> {
    if (this.core.state.rooms.get(cid)?.loaded !== false) return;
    let held: Held[] | undefined;
    try {
      const rows = await this.#options.store.read(messagesOf(cid));
      held = ([...rows.values()] as Held[]).toSorted((a, b) => a.entry.seq - b.entry.seq);
    } catch (error) {
      this.storeFailed(error);
    }
    this.turn((core) => core.load(cid, held));
  }

  /** Resolves when all that was done so far is in the store. */
  async kept(): Promise<void> {
    await this.#keeper.kept();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.turn((core, now) => core.end(new MpimError("closed", "the chat was closed"), now));
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#line;
    await this.#keeper.kept();
    await this.#options.store.close();
  }

  // --- the socket ------------------------------------------------------------------------------------------------

  async #open(refused: boolean): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    const current = (): boolean => attempt === this.#attempt && !this.#closed;
    let token: string;
    try {
      token = await this.#options.token({ refused: refused ? this.#token : undefined });
    } catch (error) {
      const known = error instanceof MpimError ? error : new MpimError("unavailable", "there is no token");
      if (known !== error) known.cause = error;
      if (current()) this.turn((core, now) => core.lost(0, known, now));
      return;
    }
    if (!current()) return;
    this.#token = token;
    this.#socket = new Socket(this.#options.url, this.#options.WebSocket, {
      opened: () => this.#then(() => current() && this.turn((core, now) => core.opened(token, now))),
      received: (frames, characters) => this.#received(frames, characters, current),
      lost: (code) =>
        this.#then(() => {
          if (!current()) return;
          this.#socket = undefined;
          this.turn((core, now) => core.lost(code, undefined, now));
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
    if (this.#closed || this.core.link.ended) return;
    const now = Date.now();
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
