import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { resilient } from "@breakwater/core";
import { fileDeadLetters, replay } from "@breakwater/core/dead-letters";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lettersIn } from "../contracts/dead-letter-store.js";

const ROUNDS = 50;

let directory: string;
let running: Script[] = [];
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "dead-letters-"))));
afterEach(() => {
  for (const script of running) script.end("SIGKILL");
  running = [];
  rmSync(directory, { recursive: true, force: true });
});

/** A script beside this file, and the ids that it has printed. */
class Script {
  readonly ids: string[] = [];
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  #onId = (): void => {};

  constructor(name: string, ...args: string[]) {
    const path = fileURLToPath(new URL(`scripts/${name}.mjs`, import.meta.url));
    this.#child = spawn(process.execPath, [path, directory, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    // A line that the kill has cut is no id.
    lines.on("line", (id) => {
      if (/^[0-9a-f-]{36}$/.test(id)) this.ids.push(id);
      this.#onId();
    });
    this.ended = new Promise((resolve) => void this.#child.once("close", resolve));
    running.push(this);
  }

  end(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async printed(count: number): Promise<void> {
    while (this.ids.length < count)
      await new Promise<void>((resolve) => void (this.#onId = resolve));
  }
}

const store = () => fileDeadLetters({ directory });

describe("dead letters of processes that are killed", () => {
  it(`two write, one is killed ${ROUNDS} times: every record told as written is there, and runs once over two replays`, async () => {
    const survivor = new Script("writes", "50");
    const told: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const victim = new Script("writes", "0");
      // At any moment: after a number of records that chance chooses, within whatever it is doing then.
      await victim.printed(1 + Math.floor(Math.random() * 30));
      victim.end("SIGKILL");
      await victim.ended;
      told.push(...victim.ids);
    }
    survivor.end("SIGTERM");
    expect(await survivor.ended).toBe(0);
    told.push(...survivor.ids);

    const { damaged } = await store().list();
    const stored = (await lettersIn(store())).map(({ record }) => record.id);
    const known = new Set(stored);
    expect(told.filter((id) => !known.has(id))).toEqual([]);
    expect(damaged).toBeLessThanOrEqual(ROUNDS);

    const replays = [new Script("replays"), new Script("replays")];
    expect(await Promise.all(replays.map(({ ended }) => ended))).toEqual([0, 0]);
    const ran = replays.flatMap(({ ids }) => ids);
    expect(ran.length).toBe(stored.length);
    expect(new Set(ran)).toEqual(known);
    expect(await lettersIn(store())).toEqual([]);
  }, 300_000);

  it("a replay that is killed as it runs a record leaves it to the next one", async () => {
    await new Script("exits").ended;
    const killed = new Script("replays", "hang");
    await killed.printed(1);
    const beside: string[] = [];
    const run = (_: unknown, { id }: { id: string }): void => void beside.push(id);
    const billing = resilient({ name: "billing" });
    const all = { from: store(), filter: () => true };
    killed.end("SIGKILL");
    await killed.ended;
    await replay(billing, run, all);
    expect(beside).toHaveLength(2);
    expect(await lettersIn(store())).toEqual([]);
  }, 60_000);

  it("a process that exits in the moment of its failure leaves its records", async () => {
    expect(await new Script("exits").ended).toBe(3);
    const letters = await lettersIn(store());
    expect(letters.map(({ record }) => record.payload)).toEqual([1, 2]);
  }, 60_000);
});
