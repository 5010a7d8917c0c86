/** `npm run chat`: a client for terminals. */
import { parseArgs } from "node:util";
import { Screen } from "./screen.ts";
import { Terminal } from "./terminal.ts";

const HELP = `npm run chat -- [options]

  --server URL  of the server (http://127.0.0.1:8787)
  --data DIR    where logins and messages are kept (.data/chat); one terminal at a time for each user
  --help        this text`;

try {
  const { values } = parseArgs({
    options: {
      server: { type: "string", default: "http://127.0.0.1:8787" },
      data: { type: "string", default: ".data/chat" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) console.log(HELP);
  else {
    const url = new URL(values.server).origin;
    await new Terminal(new Screen(process.stdin, process.stdout), { url, folder: values.data }).run();
  }
} catch (error) {
  console.error((error as Error).message.split(". ")[0]);
  process.exitCode = 1;
}
