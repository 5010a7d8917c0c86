/** Showing one message of a chat, from wherever it is wanted: the list of that chat takes it when it is there. */

interface Jump {
  readonly cid: string;
  readonly seq: number;
}

let wanted: Jump | undefined;
const listeners = new Set<() => void>();

export function jumpTo(cid: string, seq: number): void {
  wanted = { cid, seq };
  for (const listener of listeners) listener();
}

/** The message that is wanted in this chat, once. */
export function takeJump(cid: string): number | undefined {
  if (wanted?.cid !== cid) return undefined;
  const { seq } = wanted;
  wanted = undefined;
  return seq;
}

export function onJump(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
