/** A store in a folder, for Node. */
import { open, readFile, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { MpimError } from "../errors.ts";
import type { Tokens, TokenStore } from "../session.ts";
import { makeFolder } from "./folder.ts";
import { storeFailed, type Store, type StoreValue } from "./store.ts";

/** Written anew when the journal has this many lines, and twice as many as there are values. */
const COMPACT_LINES = 2_000;
const LINE_END = 10;

type Line = readonly (readonly [key: string, value?: StoreValue])[];

/**
 * Keeps things in a folder, for one process at a time: the one that opens it last has it, and writes of another before it fail.
 * A journal: each write is one line, on disk when it resolves; a last line that a crash cut short never happened.
 */
export function file(folder: string): Store {
  const path = join(folder, "journal.jsonl");
  const values = new Map<string, StoreValue>();
  let handle: FileHandle | undefined;
  let faults: MpimError[] = [];
  /** Bytes of the journal that are whole lines. */
  let size = 0;
  /** There may be more than whole lines in it, which the next line must not follow. */
  let torn = false;
  let lines = 0;
  let compactAt = COMPACT_LINES;

  const apply = (changes: Iterable<readonly [key: string, value?: StoreValue]>): void => {
    for (const [key, value] of changes) {
      if (value === undefined) values.delete(key);
      else values.set(key, value);
    }
  };

  const load = (bytes: Buffer): void => {
    values.clear();
    [size, lines] = [0, 0];
    const bad: number[] = [];
    for (let from = 0, number = 1; from < bytes.length; number += 1) {
      const end = bytes.indexOf(LINE_END, from);
      const text = bytes.toString("utf8", from, end < 0 ? bytes.length : end);
      const changes = end < 0 ? undefined : parse(text);
      from = end < 0 ? bytes.length : end + 1;
      if (changes !== undefined) {
        apply(changes);
        size = from;
        lines += 1;
      } else if (text !== "" && from < bytes.length) bad.push(number);
    }
    torn = size < bytes.length;
    if (bad.length > 0)
      faults.push(storeFailed(`${path} has lines that cannot be read, and are passed over: ${bad.join(", ")}`));
  };

  const cut = async (journal: FileHandle): Promise<void> => {
    await journal.truncate(size);
    torn = false;
  };

  /** Who opens the folder writes a journal of its own: what is written to an older one nobody would read. */
  const own = async (journal: FileHandle): Promise<void> => {
    const [ours, there] = await Promise.all([journal.stat(), stat(path).catch(() => undefined)]);
    if (ours.ino !== there?.ino || (!torn && ours.size !== size))
      throw storeFailed(`file("${folder}") is used by another process`);
  };

  /** The journal anew, with what counts. Until that is on disk the old one stays what it is. */
  const compact = async (): Promise<void> => {
    const fresh = `${path}.new`;
    const next = await open(fresh, "a", 0o600);
    const line = Buffer.from(`${JSON.stringify([...values])}\n`);
    try {
      await next.truncate(0);
      await next.appendFile(line);
      await next.sync();
      await rename(fresh, path);
    } catch (error) {
      await next.close().catch(() => {});
      await rm(fresh, { force: true }).catch(() => {});
      throw error;
    }
    const before = handle;
    [handle, size, torn, lines, compactAt] = [next, line.length, false, 1, COMPACT_LINES];
    await before?.close().catch(() => {});
    await syncFolder(folder);
  };

  return {
    async open() {
      try {
        await makeFolder(folder);
        load(await read(path));
        handle = await open(path, "a", 0o600);
      } catch (error) {
        throw storeFailed(`file("${folder}") cannot be opened`, error);
      }
      // What there is can be read: a full disk keeps nobody from that.
      await compact().catch(() => {});
    },
    faults() {
      const found = faults;
      faults = [];
      return found;
    },
    read: (prefix) => Promise.resolve(new Map([...values].filter(([key]) => key.startsWith(prefix)))),
    async write(changes) {
      if (handle === undefined) throw new Error("the store is not open");
      const line: Line = [...changes].map(([key, value]) => (value === undefined ? [key] : [key, value]));
      const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
      await own(handle);
      if (torn) await cut(handle);
      torn = true;
      try {
        await handle.appendFile(bytes);
        await handle.datasync();
      } catch (error) {
        await cut(handle).catch(() => {});
        throw error;
      }
      torn = false;
      size += bytes.length;
      apply(changes);
      lines += 1;
      if (lines <= compactAt || lines <= values.size * 2) return;
      // The write is on disk, whatever becomes of this; if nothing, it is tried again much later.
      compactAt = lines + COMPACT_LINES;
      await compact().catch(() => {});
    },
    async close() {
      await handle?.close();
      handle = undefined;
    },
  };
}

/**
 * Keeps the tokens of a login in a file that only its owner may read. No file, or an empty one: there are none; what cannot be read
 * is an error, since it may be a login.
 */
export function fileTokens(path: string): TokenStore {
  return {
    async load() {
      try {
        const text = (await read(path)).toString();
        return text === "" ? undefined : (JSON.parse(text) as Tokens);
      } catch (error) {
        throw storeFailed(`fileTokens("${path}") cannot be read`, error);
      }
    },
    async save(tokens) {
      const handle = await open(`${path}.new`, "w", 0o600);
      try {
        await handle.writeFile(tokens === undefined ? "" : JSON.stringify(tokens));
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(`${path}.new`, path);
    },
  };
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

/** A file that has taken the name of another has it for good when the folder is on disk. Not every platform can do that. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Windows opens no folders.
  }
}

function parse(text: string): Line | undefined {
  try {
    const json = JSON.parse(text) as unknown;
    return isLine(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function isLine(json: unknown): json is Line {
  return (
    Array.isArray(json) && json.every((one) => Array.isArray(one) && typeof one[0] === "string" && one.length <= 2)
  );
}
