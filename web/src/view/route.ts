/** What the address bar says. Pure. */

export type Route =
  | { readonly at: "chats" }
  | { readonly at: "contacts" }
  | { readonly at: "settings" }
  | { readonly at: "chat"; readonly cid: string };

const PLACES = { "/contacts": "contacts", "/settings": "settings" } as const;

export function routeOf(path: string): Route {
  const [, cid] = /^\/c\/([\w.-]+)$/.exec(path) ?? [];
  if (cid !== undefined) return { at: "chat", cid };
  const at = (PLACES as Readonly<Record<string, "contacts" | "settings">>)[path];
  return { at: at ?? "chats" };
}

export function pathOf(route: Route): string {
  return route.at === "chat" ? `/c/${route.cid}` : route.at === "chats" ? "/" : `/${route.at}`;
}
