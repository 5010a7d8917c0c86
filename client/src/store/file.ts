/** A store in a folder, for Node. */
import { open, mkdir, readFile, rename, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Tokens, TokenStore } from "../session.ts";
import type { Store, StoreValue } from "./store.ts";

/** Written anew when the journal has this many lines, and twice as many as there are values. */
const COMPACT_LINES = 2_000;

type Line = readonly (readonly [key: string, value?: StoreValue])[];

/**
 * Keeps things in a folder, for one process at a time. A journal: each write is one line, on disk when it resolves; a line
 * that a crash cut short never happened.
 */
export function file(folder: string): Store {
  const path = join(folder, "journal.jsonl");
  const values = new Map<string, StoreValue>();
  let handle: FileHandle | undefined;
  let lines = 0;

  const compact = async (): Promise<void> => {
    await handle?.close();
    const fresh = `${path}.new`;
    const writing = await open(fresh, "w");
    await writing.writeFile(`${JSON.stringify([...values])}\n`);
    await writing.sync();
    await writing.close();
    await rename(fresh, path);
    handle = await open(path, "a");
    lines = 1;
  };

  return {
    async open() {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const text = await readFile(path, "utf8").catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
        throw error;
      });
      for (const line of text.split("\n")) {
        const changes = parse(line);
        if (changes === undefined) break;
        for (const [key, ...value] of changes) {
          if (value.length === 0) values.delete(key);
          else values.set(key, value[0]);
        }
      }
      await compact();
    },
    read: (prefix) => Promise.resolve(new Map([...values].filter(([key]) => key.startsWith(prefix)))),
    async write(changes) {
      if (handle === undefined) throw new Error("the store is not open");
      const line: Line = [...changes].map(([key, value]) => (value === undefined ? [key] : [key, value]));
      await handle.appendFile(`${JSON.stringify(line)}\n`);
      await handle.datasync();
      for (const [key, value] of changes) {
        if (value === undefined) values.delete(key);
        else values.set(key, value);
      }
      lines += 1;
      if (lines > COMPACT_LINES && lines > values.size * 2) await compact();
    },
    async close() {
      await handle?.close();
      handle = undefined;
    },
  };
}

/** Keeps the tokens of a login in a file that only its owner may read. */
export function fileTokens(path: string): TokenStore {
  return {
    async load() {
      try {
        return JSON.parse(await readFile(path, "utf8")) as Tokens;
      } catch {
        return undefined;
      }
    },
    async save(tokens) {
      const handle = await open(`${path}.new`, "w", 0o600);
      await handle.writeFile(tokens === undefined ? "" : JSON.stringify(tokens));
      await handle.sync();
      await handle.close();
      await rename(`${path}.new`, path);
    },
  };
}

function parse(line: string): Line | undefined {
  if (line === "") return undefined;
  try {
    return JSON.parse(line) as Line;
  } catch {
    return undefined;
  }
}
