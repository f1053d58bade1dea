import { closeSync, constants, fdatasync, openSync, write, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Folder, newLettersName, PRIVATE_FILE, sinkFull } from "./folder.js";

const { O_WRONLY, O_CREAT, O_EXCL, O_APPEND, O_NOFOLLOW } = constants;
const writeTo = promisify(write);
const sync = promisify(fdatasync);

interface Line {
  readonly bytes: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const open = new Set<Writer>();
let heedsExit = false;

/**
 * Appends lines to a file that only this process writes: made with the first line, never opened again. What comes while
 * one write runs is written with the next one. When the process exits by itself or by `process.exit()`, what has not
 * been written yet is written then.
 */
export class Writer {
  readonly #folder: Folder;
  readonly #maxBytes: number;
  readonly #fsync: boolean;
  #fd: number | undefined;
  #bytes = 0;
  #queue: Line[] = [];
  #inFlight: readonly Line[] = [];
  #running: Promise<void> | undefined;
  /** The file may end within a line: the next one begins on a line of its own. */
  #isTorn = false;

  constructor(folder: Folder, maxBytes: number, fsync: boolean) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#fsync = fsync;
  }

  append(text: string): Promise<void> {
    const bytes = Buffer.from(`${text}\n`);
    if (this.#bytes + bytes.length > this.#maxBytes) return Promise.reject(sinkFull(this.#maxBytes));
    this.#bytes += bytes.length;
    return new Promise((resolve, reject) => {
      this.#queue.push({ bytes, resolve, reject });
      writeBeforeExit(this);
      this.#running ??= this.#run();
    });
  }

  /** Rejects if the file could not be made safe. */
  async flush(): Promise<void> {
    await this.#running;
    if (this.#fd !== undefined) await sync(this.#fd);
  }

  /** What has not been answered is written (again: whoever reads knows records by their ids). */
  writeNow(): void {
    const lines = [...this.#inFlight, ...this.#queue];
    if (lines.length === 0 || this.#fd === undefined) return;
    try {
      writeSync(this.#fd, Buffer.concat([Buffer.from("\n"), ...lines.map(({ bytes }) => bytes)]));
    } catch {
      // The process ends: there is nobody left to tell.
    }
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      this.#inFlight = this.#queue.splice(0);
      try {
        await this.#write(this.#inFlight);
      } catch (error) {
        for (const { reject } of this.#inFlight) reject(error);
      }
      this.#inFlight = [];
    }
    this.#running = undefined;
    open.delete(this);
  }

  async #write(lines: readonly Line[]): Promise<void> {
    const fd = (this.#fd ??= await this.#open());
    const start = this.#isTorn ? [Buffer.from("\n")] : [];
    const bytes = Buffer.concat([...start, ...lines.map((line) => line.bytes)]);
    this.#isTorn = true;
    for (let at = 0; at < bytes.length; ) at += (await writeTo(fd, bytes, at)).bytesWritten;
    this.#isTorn = false;
    if (this.#fsync) await sync(fd);
    for (const { resolve } of lines) resolve();
  }

  async #open(): Promise<number> {
    await this.#folder.make();
    const path = join(this.#folder.path, newLettersName());
    const fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW, PRIVATE_FILE);
    files.register(this, fd);
    return fd;
  }
}

/** A sink that nobody uses any more gives its descriptor back. */
const files = new FinalizationRegistry<number>((fd) => closeSync(fd));

function writeBeforeExit(writer: Writer): void {
  open.add(writer);
  if (heedsExit) return;
  heedsExit = true;
  process.on("exit", () => {
    for (const each of open) each.writeNow();
  });
}
