/** What this browser keeps beside the messages: nothing of it is needed, and where nothing can be kept it lasts as long as the page. */

/** `localStorage`, which a browser may refuse to give, or have no room in. */
export const local = {
  read(key: string): string | undefined {
    try {
      return localStorage.getItem(key) ?? undefined;
    } catch {
      return undefined;
    }
  },
  /** False: it is not kept. */
  write(key: string, text: string): boolean {
    try {
      localStorage.setItem(key, text);
      return true;
    } catch {
      return false;
    }
  },
  drop(key: string): void {
    try {
      localStorage.removeItem(key);
    } catch {
      // Then nothing is there.
    }
  },
};

/** Whether anything is kept in this browser at all. */
export function canKeep(): boolean {
  const key = "mpim:web:probe";
  const can = local.write(key, "");
  local.drop(key);
  return can;
}

const NAMES = ["people", "drafts", "unsent"] as const;
type Name = (typeof NAMES)[number];

/** What is kept of one account, by name. It goes with the login: afterwards nothing is read or written any more. */
export class Shelf {
  readonly #user: string;
  #gone = false;

  constructor(user: string) {
    this.#user = user;
  }

  /** What was kept as JSON, which whoever asks has to look at: somebody may have changed it. */
  read(name: Name): unknown {
    const text = this.#gone ? undefined : local.read(this.#key(name));
    try {
      return text === undefined ? undefined : JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  /** `undefined` forgets it. */
  write(name: Name, value: unknown): void {
    if (this.#gone) return;
    if (value === undefined) local.drop(this.#key(name));
    else local.write(this.#key(name), JSON.stringify(value));
  }

  /** Deletes all of it. */
  forget(): void {
    this.#gone = true;
    for (const name of NAMES) local.drop(this.#key(name));
  }

  #key(name: Name): string {
    return `mpim:web:${this.#user}:${name}`;
  }
}
