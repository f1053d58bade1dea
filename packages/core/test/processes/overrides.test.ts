import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = fileURLToPath(new URL("scripts/obeys-overrides.mjs", import.meta.url));
const BLOCKED = "ERR_CIRCUIT_FORCED_OPEN";

interface Told {
  readonly answer: string;
  readonly at: number;
}

/** A process that calls all the time, and what it has told so far. */
class Worker {
  readonly told: Told[] = [];
  stderr = "";
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcessWithoutNullStreams;
  #wake: () => void = () => {};

  constructor(path: string, ...args: readonly string[]) {
    const env = { ...process.env, BREAKWATER_OVERRIDES: path };
    this.#child = spawn(process.execPath, [script, ...args], { env });
    this.ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stderr.on("data", (text) => {
      this.stderr += String(text);
      this.#wake();
    });
    createInterface(this.#child.stdout).on("line", (line) => {
      this.told.push(JSON.parse(line) as Told);
      this.#wake();
    });
  }

  async warns(of: string): Promise<void> {
    while (!this.stderr.includes(of)) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** Waits until the last thing it has told is this. */
  async says(answer: string): Promise<Told> {
    for (;;) {
      const last = this.told.at(-1);
      if (last?.answer === answer) return last;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  end(): Promise<number | null> {
    this.#child.stdin.end();
    return this.ended;
  }
}

let folder: string;
let path: string;
let workers: Worker[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "breakwater-"));
  path = join(folder, "overrides.json");
  workers = [];
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.end()));
  rmSync(folder, { recursive: true });
});

const block = [{ verb: "block", policy: "*", by: "ana", why: "INC-4711", until: "cleared" }];

/** As editors and deployments do it. */
function replaceWith(content: string): number {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
  return Date.now();
}

const allSay = (answer: string): Promise<Told[]> =>
  Promise.all(workers.map((worker) => worker.says(answer)));

test("six running processes and one started later obey one edit of the overrides file", async () => {
  workers = Array.from({ length: 6 }, () => new Worker(path));
  await allSay("fine");
  const writtenAt = replaceWith(JSON.stringify(block));
  const obeyed = await allSay(BLOCKED);
  // The quickest: what is measured is how often we look, not what else the machine does.
  expect(Math.min(...obeyed.map(({ at }) => at)) - writtenAt).toBeLessThan(1_000);

  const late = new Worker(path, "once");
  expect(await late.ended).toBe(0);
  expect(late.told.map(({ answer }) => answer)).toEqual([BLOCKED]);

  replaceWith("[{");
  const clearedAt = replaceWith("[]");
  const free = await allSay("fine");
  expect(Math.min(...free.map(({ at }) => at)) - clearedAt).toBeLessThan(1_000);
  for (const { told } of workers)
    expect(told.map(({ answer }) => answer)).toEqual(["fine", BLOCKED, "fine"]);
}, 120_000);

test("a block stays through a file that cannot be used, and goes with the file itself", async () => {
  replaceWith(JSON.stringify(block));
  const worker = new Worker(path);
  workers = [worker];
  await worker.says(BLOCKED);
  replaceWith("[{");
  const another = { ...block[0], verb: "bypass", policy: "rates" };
  await worker.warns("cannot be used, and those that stand stay");
  expect(worker.told.map(({ answer }) => answer)).toEqual([BLOCKED]);
  replaceWith(JSON.stringify([...block, another]));
  rmSync(path);
  await worker.says("fine");
}, 120_000);
