import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { registry, tellStateDiscarded } from "../policy/registry.js";
import type { RestoreReport } from "../policy/registry-snapshot.js";

/** What became of a state file. */
export interface LoadedState extends RestoreReport {
  /** `missing`: there is none yet. `discarded`: it is none of ours, or damaged; all policies start clean. */
  readonly file: "loaded" | "missing" | "discarded";
  /** Why it was discarded. */
  readonly reason?: string;
}

const PRIVATE = 0o600;
/** A file of ours with 10,000 keys has about 3 MB. */
const MOST_BYTES = 100_000_000;
const NOTHING = { restored: [], awaited: [], discarded: [] } as const;

/**
 * Writes the state of all named policies to a file, for the next process. Whoever reads it finds the old state or the
 * new one, never a part: it is written beside, made safe, and renamed. Mode 0600.
 *
 * @throws the error of the file system; the old file is untouched then.
 * @example
 * await saveState("/var/lib/nightly/breakwater.json");
 */
export async function saveState(path: string): Promise<void> {
  const text = JSON.stringify(registry.snapshot());
  const draft = `${path}.${randomBytes(8).toString("hex")}.tmp`;
  try {
    await writeSafely(draft, text);
    await rename(draft, path);
  } catch (error) {
    await unlink(draft).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(path));
}

/**
 * Goes on from the state that a process before this one has saved. Policies that are made later, as those of decorated
 * methods, go on from it as soon as they are there.
 *
 * A file that is missing, damaged, of another version or not readable stops nobody: all policies then start clean, which
 * the result says, and the event `state.discarded`. Each has been missing once, so that is no event.
 *
 * @example
 * const { file, reason } = await loadState("/var/lib/nightly/breakwater.json");
 */
export async function loadState(path: string): Promise<LoadedState> {
  try {
    const snapshot: unknown = JSON.parse(await readPrivate(path));
    return { file: "loaded", ...registry.restore(snapshot as never) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { file: "missing", ...NOTHING };
    const reason = error instanceof Error ? error.message : String(error);
    tellStateDiscarded(reason);
    return { file: "discarded", reason, ...NOTHING };
  }
}

async function writeSafely(path: string, text: string): Promise<void> {
  const handle = await open(path, "wx", PRIVATE);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The name itself must be safe, too. Some file systems know no such thing, and do it anyway. */
async function syncFolder(path: string): Promise<void> {
  let folder: FileHandle | undefined;
  try {
    folder = await open(path, "r");
    await folder.sync();
  } catch {
    // The state is written: what is missing is only that it is there after a power cut.
  } finally {
    await folder?.close();
  }
}

/** A pipe or a device would make us wait for ever. */
async function readPrivate(path: string): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Error(`${path} is no file`);
    if (stat.size > MOST_BYTES) throw new Error(`${path} is larger than any state of ours`);
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}
