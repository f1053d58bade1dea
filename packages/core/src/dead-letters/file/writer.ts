import { closeSync, constants, fdatasync, mkdirSync, openSync, write, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { setImmediate as nextTurn } from "node:timers/promises";
import { newLettersName, PRIVATE_FILE, PRIVATE_FOLDER, sinkFull } from "./folder.js";

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
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #fsync: boolean;
  #fd: number | undefined;
  #bytes = 0;
  #queue: Line[] = [];
  #inFlight: readonly Line[] = [];
  #running: Promise<void> | undefined;
  /** The file may end within a line: the next one begins on a line of its own. */
  #isTorn = false;

  constructor(directory: string, maxBytes: number, fsync: boolean) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
    this.#fsync = fsync;
  }

  append(text: string): Promise<void> {
    const bytes = Buffer.from(`${text}\n`);
    if (this.#bytes + bytes.length > this.#maxBytes)
      return Promise.reject(sinkFull(this.#maxBytes));
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
    if (lines.length === 0) return;
    try {
      const fd = (this.#fd ??= this.#open());
      writeSync(fd, Buffer.concat([Buffer.from("\n"), ...lines.map(({ bytes }) => bytes)]));
    } catch {
      // The process ends: there is nobody left to tell.
    }
  }

  /** Not at once: the call that has ended is told first. */
  async #run(): Promise<void> {
    await nextTurn();
    while (this.#queue.length > 0) {
      this.#inFlight = this.#queue.splice(0);
      try {
        await this.#write(this.#inFlight);
      } catch (error) {
        this.#refuse(this.#inFlight, error);
      }
      this.#inFlight = [];
    }
    this.#running = undefined;
    open.delete(this);
  }

  #refuse(lines: readonly Line[], error: unknown): void {
    for (const { bytes, reject } of lines) {
      this.#bytes -= bytes.length;
      reject(error);
    }
  }

  async #write(lines: readonly Line[]): Promise<void> {
    const fd = (this.#fd ??= this.#open());
    const start = this.#isTorn ? [Buffer.from("\n")] : [];
    const bytes = Buffer.concat([...start, ...lines.map((line) => line.bytes)]);
    this.#isTorn = true;
    for (let at = 0; at < bytes.length;) at += (await writeTo(fd, bytes, at)).bytesWritten;
    this.#isTorn = false;
    if (this.#fsync) await sync(fd);
    for (const { resolve } of lines) resolve();
  }

  /** Synchronous, as it may have to be done while the process exits; once for each process. */
  #open(): number {
    mkdirSync(this.#directory, { recursive: true, mode: PRIVATE_FOLDER });
    const path = join(this.#directory, newLettersName());
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
