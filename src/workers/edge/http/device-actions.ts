/** A user's devices: seeing them, and signing them out. */
import { err, ok, type Result } from "../../../lib/result.ts";
import { refuse, type Refusal } from "../../../protocol/codes.ts";
import type { DeviceId } from "../../../protocol/ids.ts";
import type { DeviceState } from "../../../durable-objects/rpc.ts";
import type { Services } from "../../env.ts";
import type { Identity } from "../auth.ts";
import { ask } from "./ask.ts";
import { end } from "./account-actions.ts";

/** The devices of whoever asks. */
export async function listDevices(services: Services, { uid }: Identity): Promise<Result<DeviceState[], Refusal>> {
  return ask(() => services.user(uid).devices());
}

/**
 * Signs a device out, with all that share its login. A device whose token another issuer made loses its connection, but whether it
 * comes back is that issuer's to say. May be repeated until it is answered; then the device is `not_found`.
 */
export async function signOutDevice(
  services: Services,
  identity: Identity,
  id: DeviceId,
  now: number,
): Promise<Result<void, Refusal>> {
  const devices = await listDevices(services, identity);
  if (!devices.ok) return devices;
  const device = devices.value.find((one) => one.id === id);
  if (device === undefined) return err(refuse("not_found", "no such device"));
  if (device.login !== undefined) return end(services, identity.uid, device.login, now);
  return ask(() => services.user(identity.uid).endDevices([], [id]));
}

/** Signs out all devices but those of the login that asks. May be repeated. */
export async function signOutOthers(
  services: Services,
  { uid, login: mine }: Identity,
  now: number,
): Promise<Result<void, Refusal>> {
  if (mine === undefined) {
    return err(refuse("invalid_argument", "this token is of another issuer: devices are signed out one by one"));
  }
  const devices = await ask(() => services.user(uid).devices());
  if (!devices.ok) return devices;
  const others = devices.value.filter(({ login }) => login !== mine);
  const logins = [...new Set(others.flatMap(({ login }) => login ?? []))];
  const foreign = others.flatMap(({ id, login }) => (login === undefined ? [id] : []));
  // The order of a logout: first what keeps them from connecting again; also logins that never connected, and so are no devices.
  await services.store.logins.endAll(uid, mine);
  for (const login of logins) services.logins.set(login, "ended", now + services.config.auth.access_s * 1000);
  return others.length === 0 ? ok(undefined) : ask(() => services.user(uid).endDevices(logins, foreign));
}
