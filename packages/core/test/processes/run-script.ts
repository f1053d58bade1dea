import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** How a script ended; `told` is what it reported, as JSON on its last line. */
export interface Ended {
  readonly code: number | null;
  readonly told: Record<string, unknown>;
  readonly stderr: string;
}

/** Runs one of the scripts beside this file with the Node.js of this test run, as a user would run it. */
export async function runScript(name: string, ...args: readonly string[]): Promise<Ended> {
  const path = fileURLToPath(new URL(`scripts/${name}.mjs`, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, code] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number | null>((resolve) => child.once("exit", resolve)),
  ]);
  const lastLine = stdout.trim().split("\n").at(-1) ?? "";
  return {
    code,
    stderr,
    told: lastLine === "" ? {} : (JSON.parse(lastLine) as Record<string, unknown>),
  };
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
