/**
 * The service worker: opens the web client without a network. The network comes first, always; what is kept is one release of
 * the client's own files and nothing of anybody's messages.
 */

/** A text that is another in each release of these files. Put in by the build. */
declare const RELEASE: string;

const worker = globalThis as unknown as ServiceWorkerGlobalScope;

const CACHE = `mpim:web:${RELEASE}`;
const PAGE = "/";
const FILES: readonly string[] = [PAGE, "/app.js", "/style.css", "/icon.svg", "/manifest.webmanifest"];
/** Where `web/public/_redirects` leads to the page. */
const INSIDE = /^\/(?:c\/[^/]+|contacts|settings)?$/;

worker.addEventListener("install", (event) => {
  // Past the browser's own cache, so that they fit together.
  const files = FILES.map((path) => new Request(path, { cache: "reload" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(files)));
});

worker.addEventListener("activate", (event) => {
  const clear = async (): Promise<void> => {
    const old = (await caches.keys()).filter((name) => name.startsWith("mpim:web:") && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
  };
  event.waitUntil(clear());
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== worker.location.origin) return;
  const path = request.mode === "navigate" && INSIDE.test(pathname) ? PAGE : pathname;
  if (!FILES.includes(path)) return;
  event.respondWith(fetch(request).catch(async (error: unknown) => (await kept(path)) ?? Promise.reject(error)));
});

async function kept(path: string): Promise<Response | undefined> {
  return (await caches.open(CACHE)).match(path);
}
