import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  unlink,
} from "node:fs/promises";
import { join } from "node:path";
import { BreakwaterError } from "../../errors/errors.js";

/** Names are ours or nobody's: no path, no hidden file, nothing that a record could smuggle in. */
const LETTERS = /^letters-\d{1,10}-[0-9a-f]{16}\.jsonl$/;
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

export const PRIVATE_FILE = 0o600;
export const PRIVATE_FOLDER = 0o700;

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

export function isId(value: unknown): value is string {
  return typeof value === "string" && ID.test(value);
}

export function newLettersName(): string {
  return `letters-${process.pid}-${randomBytes(8).toString("hex")}.jsonl`;
}

/** A folder of dead letters: files with records, and marks about them, one small file each. */
export class Folder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async letterFiles(): Promise<string[]> {
    return (await this.#namesIn("")).filter((name) => LETTERS.test(name)).sort();
  }

  async marks(kind: Mark): Promise<Set<string>> {
    return new Set(await this.#namesIn(kind));
  }

  /** Undefined for what is no file of its own: a symbolic link, a pipe, a folder. */
  async open(name: string): Promise<FileHandle | undefined> {
    const handle = await unlessGone(
      // A pipe must not make us wait for its other end.
      open(join(this.path, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
    );
    if (handle === undefined || (await handle.stat()).isFile()) return handle;
    await handle.close();
    return undefined;
  }

  async readMark(kind: Mark, name: string): Promise<{ text: string; ageMs: number } | undefined> {
    const handle = await this.open(join(kind, name));
    if (handle === undefined) return undefined;
    try {
      const { mtimeMs } = await handle.stat();
      return { text: await handle.readFile("utf8"), ageMs: Date.now() - mtimeMs };
    } finally {
      await handle.close();
    }
  }

  /** Whole, or not at all; false if there is one already. */
  async addMark(kind: Mark, name: string, text: string): Promise<boolean> {
    return this.#write(kind, name, text, async (draft, path) => {
      try {
        await link(draft, path);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
        throw error;
      } finally {
        await unlink(draft);
      }
    });
  }

  async putMark(kind: Mark, name: string, text: string): Promise<void> {
    await this.#write(kind, name, text, rename);
  }

  async hasMark(kind: Mark, name: string): Promise<boolean> {
    return (await unlessGone(lstat(join(this.path, kind, name)))) !== undefined;
  }

  async removeMark(kind: Mark, name: string): Promise<void> {
    await unlessGone(unlink(join(this.path, kind, name)));
  }

  async #write<T>(
    kind: Mark,
    name: string,
    text: string,
    publish: (draft: string, path: string) => Promise<T>,
  ): Promise<T> {
    await mkdir(join(this.path, kind), { recursive: true, mode: PRIVATE_FOLDER });
    const draft = join(this.path, kind, `.${randomBytes(12).toString("hex")}`);
    const handle = await open(draft, "wx", PRIVATE_FILE);
    try {
      await handle.writeFile(text);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    return publish(draft, join(this.path, kind, name));
  }

  async #namesIn(kind: string): Promise<string[]> {
    return (await unlessGone(readdir(join(this.path, kind)))) ?? [];
  }
}

/** `claims` of replays that run, `done` for what has succeeded, `failed` with the number of failures. */
export type Mark = "claims" | "done" | "failed";

/** Not there, or no file that we would open: a link, a loop of links. */
async function unlessGone<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ELOOP" || code === "ENXIO" || code === "EMLINK")
      return undefined;
    throw error;
  }
}

export function sinkFull(maxBytes: number): BreakwaterError {
  return new BreakwaterError(
    "ERR_SINK_FULL",
    `The file of dead letters of this process holds its ${maxBytes} bytes (maxBytes). Replay the letters, or raise it.`,
  );
}
