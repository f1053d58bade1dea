import { open, stat } from "node:fs/promises";
import type { BigIntStats } from "node:fs";
import { clock, type Timer } from "../time/clock.js";

/** What there is to tell of a watched file. */
export interface FileWatcher {
  /** It has another text, or is back with the same one; it has been read as a whole. */
  changed(bytes: Uint8Array): void;
  /** It cannot be read: it is gone, or not ours to read. Told once, until it is back. */
  unreadable(error: Error): void;
}

export interface WatchFileOptions {
  /** How often it is looked at. A change is told after at most three such times. Default 250 ms. */
  readonly everyMs?: number;
  /** No more than this is read. */
  readonly mostBytes: number;
}

/**
 * Watches one file until the returned function is called, and keeps no process alive. It asks for the state of the file
 * instead of being told, as that works alike on every file system, also on those of containers and networks, and
 * whether the file is written in place, replaced by another one, or reached through a link that is changed.
 *
 * A change is told once the file has been still from one look to the next, so that half a file is not taken for one.
 * The state that it has at the start is not told: `seen` is what has been read already.
 */
export function watchFile(
  path: string,
  seen: FileStamp | undefined,
  watcher: FileWatcher,
  { everyMs = 250, mostBytes }: WatchFileOptions,
): () => void {
  let told = seen;
  let last: FileStamp | undefined = seen;
  let timer: Timer | undefined;
  let isOver = false;
  const lookAgain = (): void => {
    if (!isOver) timer = clock.setBackgroundTimer(() => void look(), everyMs);
  };
  const look = async (): Promise<void> => {
    try {
      const now = stampOf(await stat(path, { bigint: true }));
      if (now !== told && now === last) await read(now);
      last = now;
    } catch (error) {
      if (!isOver && told !== GONE) watcher.unreadable(error as Error);
      told = last = GONE;
    } finally {
      lookAgain();
    }
  };
  const read = async (stamp: FileStamp): Promise<void> => {
    const { bytes, stamp: after } = await readStamped(path, mostBytes);
    if (isOver || after !== stamp) return; // it has been written to meanwhile: the next look finds it
    told = stamp;
    watcher.changed(bytes);
  };
  lookAgain();
  return () => {
    isOver = true;
    clock.clearTimer(timer);
  };
}

/** Two looks at a file with the same stamp have seen the same file with the same content. */
export type FileStamp = string;

const GONE = "gone";

export function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): FileStamp {
  return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
}

/** A byte more than allowed is read, so that whoever gets it sees that it is too much. */
async function readStamped(
  path: string,
  mostBytes: number,
): Promise<{ bytes: Uint8Array; stamp: FileStamp }> {
  const file = await open(path, "r");
  try {
    const bytes = new Uint8Array(mostBytes + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      ({ bytesRead: read } = await file.read(bytes, length, bytes.length - length, length));
    return { bytes: bytes.subarray(0, length), stamp: stampOf(await file.stat({ bigint: true })) };
  } finally {
    await file.close();
  }
}
