/** npm passes SIGTERM and SIGINT on, but cannot pass on its own `kill -9`: then nobody would own this process. */

const LOOK_MS = 250;

/** Calls `orphaned` once when the npm that runs this script is gone; does nothing when it is not npm that runs it. */
export function whenOrphaned(orphaned: () => void): void {
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    orphaned();
  }, LOOK_MS);
  timer.unref();
}
