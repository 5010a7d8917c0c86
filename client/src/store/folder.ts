/** Folders, for Node. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a folder, and those that it is in. Not by the `recursive` of `mkdir`: where a folder is there and nothing can be made in it,
 * as in `/proc`, that tries for ever.
 */
export async function makeFolder(path: string): Promise<void> {
  if (await made(path)) return;
  await makeFolder(dirname(path));
  // Says why, if it is still not there.
  if (!(await made(path))) await mkdir(path);
}

/** False: what it would be in is not there. */
async function made(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return true;
    if (code === "ENOENT" && dirname(path) !== path) return false;
    throw error;
  }
}
