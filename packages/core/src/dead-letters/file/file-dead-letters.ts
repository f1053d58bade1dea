import * as v from "valibot";
import type { DeadLetterRecord } from "../../engine/dead-letters/record.js";
import type { ErrorSummary } from "../../errors/summary.js";
import {
  type Field,
  fieldOf,
  flag,
  integer,
  type Parsed,
  parseOptions,
  type Schema,
} from "../../parts/options.js";
import type {
  DeadLetterClaim,
  DeadLetterList,
  DeadLetterStore,
  StoredDeadLetter,
} from "../store.js";
import { hold } from "./claims.js";
import { Folder, isId } from "./folder.js";
import { findRecords, type Located, readRecord } from "./reader.js";
import { Writer } from "./writer.js";

/** Where the records are kept, and how many. */
export interface FileDeadLettersOptions {
  /** A folder of their own. Made with mode 0700 where there is none; files have mode 0600. */
  readonly directory: string;
  /** What this process writes at most; what comes then is dropped, and told. 1,000 to 100,000,000,000; default 64,000,000. */
  readonly maxBytes?: number;
  /**
   * Whether each write is on the disk before it counts: a power cut then loses nothing that was told as written. The end
   * of a process loses nothing either way. Default false.
   */
  readonly fsync?: boolean;
}

const path = v.pipe(
  v.string("a path"),
  v.minLength(1, "a path"),
  v.check((text) => !text.includes("\0"), "a path"),
  v.metadata({
    doc: { type: "path", bounds: "", default: "required", meaning: "a folder of their own" },
  }),
);

const fields = {
  directory: fieldOf(path) as Field<string>,
  maxBytes: integer(1_000, 100_000_000_000, 64_000_000, {
    meaning: "what this process writes at most; what comes then is dropped, and told",
  }),
  fsync: flag(false, { meaning: "whether each write is on the disk before it counts" }),
} as const;

export const fileDeadLettersSchema: Schema<typeof fields> = {
  title: "fileDeadLetters",
  fields,
  peerNames: { path: () => "directory", dir: () => "directory", maxSize: () => "maxBytes" },
};

/**
 * Dead letters in a folder: each process appends to a file of its own, one line of JSON for each record. Any number of
 * processes may write and replay at once; one that is killed leaves at most one incomplete line, which is skipped and
 * counted.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem of the options. The folder is made with the first
 * record; what goes wrong then is told as `dead_letter.failed`.
 * @example
 * const sink = fileDeadLetters({ directory: "/var/lib/billing/dead-letters" });
 * const billing = resilient(breaker, budget, deadLetter({ sink, payload, redact }), { name: "billing" });
 */
export function fileDeadLetters(options: FileDeadLettersOptions): DeadLetterStore {
  return new FileDeadLetters(parseOptions(fileDeadLettersSchema, options));
}

class FileDeadLetters implements DeadLetterStore {
  readonly #folder: Folder;
  readonly #writer: Writer;
  /** Of the last look: records don't move. */
  #found = new Map<string, Located>();

  constructor({ directory, maxBytes, fsync }: Parsed<typeof fields>) {
    this.#folder = new Folder(directory);
    this.#writer = new Writer(directory, maxBytes, fsync);
  }

  write(record: DeadLetterRecord): Promise<void> {
    return this.#writer.append(JSON.stringify(record));
  }

  flush(): Promise<void> {
    return this.#writer.flush();
  }

  async list(): Promise<DeadLetterList> {
    const { found, damaged } = await this.#look();
    const done = await this.#folder.marks("done");
    return { letters: this.#letters(found.filter(({ id }) => !done.has(id))), damaged };
  }

  async claim(id: string): Promise<DeadLetterClaim | undefined> {
    if (!isId(id)) return undefined;
    if (!this.#found.has(id)) await this.#look();
    const located = this.#found.get(id);
    if (located === undefined || (await this.#isDone(id))) return undefined;
    const held = await hold(this.#folder, id);
    if (held === undefined) return undefined;
    // Somebody may have finished it between the look and the claim.
    const letter = (await this.#isDone(id)) ? undefined : await this.#letter(located);
    if (letter !== undefined) return this.#claimOf(letter, held.giveBack);
    await held.giveBack();
    return undefined;
  }

  #claimOf(letter: StoredDeadLetter, giveBack: () => Promise<void>): DeadLetterClaim {
    const { id } = letter.record;
    return {
      ...letter,
      done: async () => {
        await this.#folder.addMark("done", id, "");
        await this.#folder.removeMark("failed", id);
        await giveBack();
      },
      failed: async (error) => {
        const mark: Failures = { failures: letter.failures + 1, lastError: error };
        await this.#folder.putMark("failed", id, JSON.stringify(mark));
        await giveBack();
      },
      release: giveBack,
    };
  }

  async #look(): ReturnType<typeof findRecords> {
    const looked = await findRecords(this.#folder);
    this.#found = new Map(looked.found.map((located) => [located.id, located]));
    return looked;
  }

  async *#letters(found: readonly Located[]): AsyncGenerator<StoredDeadLetter> {
    for (const located of found) {
      const letter = await this.#letter(located);
      if (letter !== undefined) yield letter;
    }
  }

  async #letter(located: Located): Promise<StoredDeadLetter | undefined> {
    const record = await readRecord(this.#folder, located);
    if (record === undefined) return undefined;
    return { record, ...(await this.#failuresOf(located.id)) };
  }

  async #failuresOf(id: string): Promise<Failures> {
    const mark = await this.#folder.readMark("failed", id);
    return (mark && parseFailures(mark.text)) ?? { failures: 0 };
  }

  #isDone(id: string): Promise<boolean> {
    return this.#folder.hasMark("done", id);
  }
}

interface Failures {
  readonly failures: number;
  readonly lastError?: ErrorSummary;
}

const failuresSchema = v.object({
  failures: v.pipe(v.number(), v.integer(), v.minValue(0)),
  lastError: v.exactOptional(
    v.object({ name: v.string(), message: v.string(), code: v.exactOptional(v.string()) }),
  ),
});

/** A mark that somebody has spoilt counts for nothing: the letter is tried again. */
function parseFailures(text: string): Failures | undefined {
  try {
    const result = v.safeParse(failuresSchema, JSON.parse(text));
    return result.success ? (result.output as Failures) : undefined;
  } catch {
    return undefined;
  }
}
