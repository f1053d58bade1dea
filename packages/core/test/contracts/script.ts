import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A process that runs a script, and the ids of records that it has printed. */
export class Script {
  readonly ids: string[] = [];
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  #onId = (): void => {};

  constructor(script: URL, ...args: readonly string[]) {
    this.#child = spawn(process.execPath, [fileURLToPath(script), ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    // A line that the kill has cut is no id.
    lines.on("line", (id) => {
      if (/^[0-9a-f-]{36}$/.test(id)) this.ids.push(id);
      this.#onId();
    });
    this.ended = new Promise((resolve) => void this.#child.once("close", resolve));
  }

  end(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async printed(count: number): Promise<void> {
    while (this.ids.length < count)
      await new Promise<void>((resolve) => void (this.#onId = resolve));
  }
}

/**
 * One writes all the time, and beside it one after the other is killed, `rounds` times: at any moment, after a number of
 * records that chance chooses. Gives the ids of all that was told as written.
 */
export async function toldByKilled(
  survivor: Script,
  startVictim: () => Script,
  rounds: number,
): Promise<{ readonly told: readonly string[]; readonly exitCode: number | null }> {
  const told: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const victim = startVictim();
    await victim.printed(1 + Math.floor(Math.random() * 30));
    victim.end("SIGKILL");
    await victim.ended;
    told.push(...victim.ids);
  }
  survivor.end("SIGTERM");
  const exitCode = await survivor.ended;
  return { told: [...told, ...survivor.ids], exitCode };
}
