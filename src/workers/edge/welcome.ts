/** The answer to `hello`: who one is here, and what the connection may do. */
import type { Config } from "../../config/config.ts";
import { BATCH_FRAMES, BODY_BYTES, FRAME_BYTES } from "../../protocol/frames.ts";
import type { DeviceId, Uid } from "../../protocol/ids.ts";

export interface Greeted {
  readonly session: string;
  readonly user: Uid;
  readonly device: DeviceId;
  readonly version: number;
  readonly ts: number;
}

/** A `welcome` frame as JSON text. */
export function welcomeFrame(greeted: Greeted, { limits, timeouts }: Config): string {
  return JSON.stringify({
    t: "welcome",
    ...greeted,
    heartbeat: timeouts.heartbeat_ms / 1000,
    limits: {
      frame: FRAME_BYTES,
      batch: BATCH_FRAMES,
      body: BODY_BYTES,
      rate: limits.rate,
      burst: limits.burst,
      window: limits.window,
    },
  });
}
