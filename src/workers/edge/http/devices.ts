/** /v1/devices. */
import { createRoute, z } from "@hono/zod-openapi";
import type { DeviceState } from "../../../durable-objects/rpc.ts";
import { DeviceId } from "../../../protocol/ids.ts";
import type { Identity } from "../auth.ts";
import { listDevices, signOutDevice, signOutOthers } from "./device-actions.ts";
import { json, refused, refusals, type App } from "./respond.ts";

const ms = (description: string) =>
  z
    .number()
    .int()
    .openapi({ description: `${description}, ms since the epoch.` });

const Device = z
  .object({
    id: DeviceId,
    name: z.string().openapi({ description: "What it calls itself; may be empty." }),
    platform: z.string(),
    first_seen: ms("When it connected first"),
    last_seen: ms("When it was connected last: now, if it is"),
    online: z.boolean(),
    current: z.boolean().openapi({ description: "Its login is that of the token that asks." }),
    login: z.string().optional().openapi({
      description: "The same for devices that are signed out together; absent when another issuer made its token.",
    }),
  })
  .openapi("Device");

const tags = ["devices"];

const listRoute = createRoute({
  method: "get",
  path: "/v1/devices",
  operationId: "listDevices",
  summary: "One's devices, the one seen last first",
  tags,
  responses: { 200: json("The devices.", z.object({ devices: z.array(Device) }).openapi("Devices")), ...refusals },
});

const othersRoute = createRoute({
  method: "delete",
  path: "/v1/devices",
  operationId: "signOutOthers",
  summary: "Sign out all devices but those of the login that asks",
  tags,
  responses: { 204: { description: "Signed out." }, ...refusals },
});

const oneRoute = createRoute({
  method: "delete",
  path: "/v1/devices/{device}",
  operationId: "signOutDevice",
  summary: "Sign a device out, with all that share its login",
  tags,
  request: { params: z.object({ device: DeviceId }) },
  responses: { 204: { description: "Signed out." }, ...refusals },
});

/** Adds the routes of devices. */
export function deviceRoutes(app: App): void {
  app.openapi(listRoute, async (c) => {
    const identity = c.get("identity");
    const devices = await listDevices(c.get("services"), identity);
    if (!devices.ok) return refused(c, devices.error);
    return c.json({ devices: devices.value.map((device) => view(device, identity)) }, 200);
  });

  app.openapi(othersRoute, async (c) => {
    const done = await signOutOthers(c.get("services"), c.get("identity"), Date.now());
    return done.ok ? c.body(null, 204) : refused(c, done.error);
  });

  app.openapi(oneRoute, async (c) => {
    const { device } = c.req.valid("param");
    const done = await signOutDevice(c.get("services"), c.get("identity"), device, Date.now());
    return done.ok ? c.body(null, 204) : refused(c, done.error);
  });
}

function view(device: DeviceState, { login: asking }: Identity): z.infer<typeof Device> {
  const { id, name, platform, firstSeen, lastSeen, online, login } = device;
  const seen = { first_seen: firstSeen, last_seen: lastSeen, online };
  const current = login !== undefined && login === asking;
  return { id, name, platform, ...seen, current, ...(login !== undefined && { login }) };
}
