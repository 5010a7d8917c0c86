/** JSON documents of other servers. */

const FETCH_MS = 5_000;
const DOCUMENT_CHARACTERS = 256 * 1024;

/** Fetches JSON over the network, within bounds of time and size. */
export async function fetchJson(url: string): Promise<unknown> {
  const response = await fetch(url, { headers: { accept: "application/json" }, signal: AbortSignal.timeout(FETCH_MS) });
  const text = await response.text();
  if (!response.ok || text.length > DOCUMENT_CHARACTERS) throw new Error(`no key document: HTTP ${response.status}`);
  return JSON.parse(text) as unknown;
}
