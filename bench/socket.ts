/** A WebSocket of the load. */
import { WebSocket } from "ws";

/** Frames of both protocols, as far as the load looks at them. */
export interface Frame {
  readonly t?: string;
  readonly id?: string;
  readonly seq?: number;
  readonly cid?: string;
  readonly delivered?: number;
  readonly text?: string;
  readonly body?: { readonly text?: string };
}

/** Tells the parent why the run is worth nothing, and ends this process. */
export function fail(why: string): never {
  process.send?.({ is: "failed", why }, () => process.exit(1));
  throw new Error(why);
}

/** Opens a socket whose messages are told as frames, together what came together. Closed from the other end, the run fails. */
export async function open(url: string, frames: (frames: readonly Frame[]) => void): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  let closing = false;
  const close = socket.close.bind(socket);
  socket.close = (): void => {
    closing = true;
    close(1000);
  };
  socket.on("open", () => resolve(socket));
  socket.on("error", reject);
  socket.on("close", (code) => closing || fail(`closed by the server: ${code}`));
  socket.on("message", (data) => {
    const parsed = JSON.parse((data as Buffer).toString()) as Frame | readonly Frame[];
    frames(Array.isArray(parsed) ? (parsed as readonly Frame[]) : [parsed as Frame]);
  });
  return promise;
}

/** Says hello to ours and resolves when that is answered by a frame of type `until`; a refusal fails the run. */
export async function hello(
  url: string,
  token: string,
  since: number | undefined,
  until: string,
  frames: (frames: readonly Frame[]) => void,
): Promise<WebSocket> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = await open(url, (all) => {
    for (const frame of all) {
      if (frame.t === until) resolve();
      else if (frame.t === "error") fail(`refused: ${JSON.stringify(frame)}`);
    }
    frames(all);
  });
  const first = { t: "hello", v: 1, token, device: { id: "bench" }, ...(since !== undefined && { since }) };
  socket.send(JSON.stringify(first));
  await promise;
  // Silence would end it.
  setInterval(() => socket.send('{"t":"ping"}'), PING_MS).unref();
  return socket;
}

const PING_MS = 20_000;
