/** `npm run verify -- CID`: compares a conversation's history in its object and in the store. Exits with 1 when they differ. */
import { parseArgs } from "node:util";
import type { Verification } from "../src/durable-objects/conversation/verify.ts";
import { readSecrets } from "./local/secrets.ts";

const HELP = `npm run verify -- CID [options]

  --server URL  the server (http://127.0.0.1:8787)
  --data DIR    data folder of the local server, which has the admin key (.data)

Environment: ADMIN_KEY, for a server that was deployed.`;

/** Seqs of one list that are printed. */
const SHOWN = 20;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    server: { type: "string", default: "http://127.0.0.1:8787" },
    data: { type: "string", default: ".data" },
    help: { type: "boolean", default: false },
  },
});
const [cid] = positionals;
if (values.help || cid === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}
const key = process.env["ADMIN_KEY"] || readSecrets(values.data)["ADMIN_KEY"];
if (key === undefined) fail("there is no admin key: set ADMIN_KEY, or --data to the server's data folder");

const missing: number[] = [];
const different: number[] = [];
const waiting: number[] = [];
let last: Verification;
let after = 0;
do {
  last = await ask(after);
  if (!last.reachable)
    fail(`the store does not answer; ${last.head - last.archived} of ${last.head} entries wait for it`);
  missing.push(...last.missing);
  different.push(...last.different);
  waiting.push(...last.waiting);
  after = last.to;
} while (last.to < last.archived);

console.log(
  `${cid}: ${last.head} entries; ${last.first - 1} in the store alone; the store was told of ${last.archived}`,
);
if (waiting.length > 0) console.log(`amended, and not told yet: ${list(waiting)}`);
if (last.stored > last.head) console.log(`the store has entries up to ${last.stored}, beyond the head`);
if (missing.length > 0) console.log(`missing in the store: ${list(missing)}`);
if (different.length > 0) console.log(`different in the store: ${list(different)}`);
const good = missing.length + different.length === 0 && last.stored <= last.head;
console.log(good ? `verified: ${last.archived} entries are the same in both` : "NOT the same");
process.exitCode = good ? 0 : 1;

async function ask(from: number): Promise<Verification> {
  const url = new URL(`/v1/admin/conversations/${encodeURIComponent(cid ?? "")}/history?after=${from}`, values.server);
  const response = await fetch(url, { headers: { authorization: `Bearer ${key}` } }).catch((error: unknown) =>
    fail(`${values.server} does not answer: ${String(error)}`),
  );
  const text = await response.text();
  if (!response.ok) fail(`${response.status} ${text}`);
  return JSON.parse(text) as Verification;
}

function list(seqs: readonly number[]): string {
  const more = seqs.length > SHOWN ? ` … (${seqs.length})` : "";
  return seqs.slice(0, SHOWN).join(", ") + more;
}

function fail(message: string): never {
  console.error(`error: ${message}`);
  process.exit(2);
}
