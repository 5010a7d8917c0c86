/** Patience with what may never come. */

/** Timers beyond this overflow, ms. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What comes of the work, or a rejection with what `late` says once that takes longer. */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), Math.min(ms, LONGEST_TIMER_MS));
  });
  return Promise.race([work, over]).finally(() => clearTimeout(timer));
}
