/** Many events, one rendering. */

/** A tab in the background is given no frames, and yet shows in its title what is unread. */
const NO_FRAME_MS = 100;

/** A function that has `work` done in the next frame, once, however often it is called until then. */
export function gathered(work: () => void): () => void {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    const now = (): void => {
      if (!waiting) return;
      waiting = false;
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      work();
    };
    const frame = requestAnimationFrame(now);
    const timer = setTimeout(now, NO_FRAME_MS);
  };
}
