/** A terminal, or a pipe: lines in, lines out. */
import { clearLine, createInterface, cursorTo, type Interface } from "node:readline";
import { Writable } from "node:stream";

export class Screen {
  readonly #typed: boolean;
  readonly #output: NodeJS.WriteStream;
  readonly #lines: AsyncIterator<string>;
  readonly #interface: Interface;
  #prompt = "> ";
  /** What is typed is not shown. */
  #secret = false;

  constructor(input: NodeJS.ReadStream, output: NodeJS.WriteStream) {
    this.#typed = input.isTTY;
    this.#output = output;
    const echo = new Writable({
      write: (chunk: Uint8Array, _, done) => {
        if (!this.#secret) output.write(chunk);
        done();
      },
    });
    this.#interface = createInterface({ input, output: echo, terminal: this.#typed, prompt: "" });
    this.#lines = this.#interface[Symbol.asyncIterator]();
  }

  /** What stands before the line that is typed. */
  set prompt(text: string) {
    this.#prompt = `${text}> `;
  }

  /** Prints a line, above the one that is being typed. */
  print(line: string): void {
    if (this.#typed) {
      clearLine(this.#output, 0);
      cursorTo(this.#output, 0);
    }
    this.#output.write(`${printable(line)}\n`);
    if (this.#typed) this.#interface.prompt(true);
  }

  /** The next line; undefined at the end. */
  async line(): Promise<string | undefined> {
    this.#show(this.#prompt);
    return this.#next();
  }

  /** Asks for something that must not be seen. */
  async secret(question: string): Promise<string> {
    this.#show(`${question}: `);
    this.#secret = true;
    const answer = await this.#next();
    this.#secret = false;
    if (this.#typed) this.#output.write("\n");
    return answer ?? "";
  }

  close(): void {
    this.#interface.close();
  }

  #show(prompt: string): void {
    if (!this.#typed) return;
    this.#interface.setPrompt(prompt);
    this.#interface.prompt();
  }

  async #next(): Promise<string | undefined> {
    const next = await this.#lines.next();
    return next.done === true ? undefined : next.value;
  }
}

/** Without what a terminal would obey: a message is text, whoever wrote it. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (control) => (control === "\n" || control === "\t" ? control : "\u{fffd}"));
}
