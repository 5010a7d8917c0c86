/** The fault-injecting proxy, as tests inside workerd use it: by the address that `serveProxies` gives them. */

/** What a proxy does with what the server sends. Open connections are concerned as well as new ones. */
export type FaultMode =
  | { readonly kind: "pass" }
  /** Nobody listens, and open connections break. */
  | { readonly kind: "refuse" }
  /** Each chunk comes so much later, or when the mode changes. Over the control, at most 2 ** 31 ms. */
  | { readonly kind: "stall"; readonly ms: number }
  /** Each connection breaks after so many more bytes. */
  | { readonly kind: "cut"; readonly bytes: number }
  /** Other bytes come, as many. */
  | { readonly kind: "garbage" };

export interface RemoteProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  set(mode: FaultMode): Promise<void>;
  /** Connections that are open. */
  open(): Promise<number>;
}

/** Makes a proxy in front of a server of this machine; `control` is the address of `serveProxies`. */
export async function openProxy(
  control: string,
  target: { readonly host: string; readonly port: number },
): Promise<RemoteProxy> {
  const ask = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${control}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`the proxy refuses: ${await response.text()}`);
    return (await response.json()) as T;
  };
  const { host, port } = await ask<{ host: string; port: number }>("POST", "/", target);
  return {
    host,
    port,
    set: (mode) => ask("PUT", `/${port}`, mode),
    open: async () => (await ask<{ open: number }>("GET", `/${port}`)).open,
    [Symbol.asyncDispose]: () => ask("DELETE", `/${port}`),
  };
}
