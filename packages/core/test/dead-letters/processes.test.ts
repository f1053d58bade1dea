import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resilient } from "@breakwater/core";
import { fileDeadLetters, replay } from "@breakwater/core/dead-letters";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lettersIn } from "../contracts/dead-letter-store.js";
import { Script, toldByKilled } from "../contracts/script.js";

const ROUNDS = 50;

let directory: string;
let running: Script[] = [];
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "dead-letters-"))));
afterEach(() => {
  for (const script of running) script.end("SIGKILL");
  running = [];
  rmSync(directory, { recursive: true, force: true });
});

/** A script beside this file. */
function start(name: string, ...args: string[]): Script {
  const script = new Script(new URL(`scripts/${name}.mjs`, import.meta.url), directory, ...args);
  running.push(script);
  return script;
}

const store = () => fileDeadLetters({ directory });

describe("dead letters of processes that are killed", () => {
  it(`two write, one is killed ${ROUNDS} times: every record told as written is there, and runs once over two replays`, async () => {
    const survivor = start("writes", "50");
    const victim = (): Script => start("writes", "0");
    const { told, exitCode } = await toldByKilled(survivor, victim, ROUNDS);
    expect(exitCode).toBe(0);

    const { damaged } = await store().list();
    const stored = (await lettersIn(store())).map(({ record }) => record.id);
    const known = new Set(stored);
    expect(told.filter((id) => !known.has(id))).toEqual([]);
    expect(damaged).toBeLessThanOrEqual(ROUNDS);

    const replays = [start("replays"), start("replays")];
    expect(await Promise.all(replays.map(({ ended }) => ended))).toEqual([0, 0]);
    const ran = replays.flatMap(({ ids }) => ids);
    expect(ran.length).toBe(stored.length);
    expect(new Set(ran)).toEqual(known);
    expect(await lettersIn(store())).toEqual([]);
  }, 300_000);

  it("a replay that is killed as it runs a record leaves it to the next one", async () => {
    await start("exits").ended;
    const killed = start("replays", "hang");
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
  });

  it("a process that exits in the moment of its failure leaves its records", async () => {
    expect(await start("exits").ended).toBe(3);
    const letters = await lettersIn(store());
    expect(letters.map(({ record }) => record.payload)).toEqual([1, 2]);
  });
});
