import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Claim } from "../../src/demo/measure/claims.js";
import type { Summary } from "../../src/demo/measure/summary.js";
import { root } from "../blocks.js";

/** For hooks that wait for real processes, on machines that are busy. */
const PATIENCE_MS = 90_000;

/** What `--json` prints. */
interface Told {
  readonly clients: Readonly<Record<"bare" | "naive" | "annotated", Summary>>;
  readonly valid: boolean;
  readonly claims: readonly Claim[];
  readonly report: string;
}

type Demo = ChildProcessByStdio<null, Readable, Readable>;

const demos: Demo[] = [];
afterAll(() => demos.forEach((demo) => demo.kill()));

function startDemo(...args: string[]): Demo {
  const demo = spawn(process.execPath, [join(root, "examples/demo.cjs"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  demos.push(demo);
  return demo;
}

async function exitOf(demo: Demo): Promise<number | null> {
  const [code] = (await once(demo, "exit")) as [number | null];
  return code;
}

/** The processes that the demo has named on its screen. */
function pidsIn(output: string): number[] {
  return [...output.matchAll(/process (\d+)/g)].map(([, pid]) => Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

beforeAll(() => {
  const compiler = join(root, "node_modules/.bin/tsc");
  const { stdout, status } = spawnSync(compiler, ["-b", join(root, "examples")], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stdout);
}, PATIENCE_MS);

// How it ends depends on the machine, which may be busy; that it tells the truth about its end does not.
describe("a whole run, as JSON", () => {
  let told: Told;
  let progress = "";
  let exitCode: number | null;

  beforeAll(async () => {
    const demo = startDemo("--json", "--short");
    const ended = exitOf(demo);
    [told, progress] = await Promise.all([
      text(demo.stdout).then((json) => JSON.parse(json) as Told),
      text(demo.stderr),
    ]);
    exitCode = await ended;
  }, PATIENCE_MS);

  test("ends with the exit code that its own result asks for", () => {
    const held = told.claims.every((claim) => claim.held);
    expect(told.claims).toHaveLength(5);
    expect(exitCode).toBe(told.valid ? Number(!held) : 2);
  });

  test("calls each client on the same schedule", () => {
    const { bare, naive, annotated } = told.clients;
    expect(bare.calls).toBeGreaterThan(600);
    expect(Math.abs(naive.calls - bare.calls)).toBeLessThan(20);
    expect(Math.abs(annotated.calls - bare.calls)).toBeLessThan(20);
  });

  test("has the server count what each client sends", () => {
    const { bare, naive, annotated } = told.clients;
    expect(bare.upstreamRequests).toBeLessThanOrEqual(bare.calls);
    expect(naive.upstreamRequests).toBeGreaterThan(naive.calls);
    expect(naive.upstreamRequests).toBeLessThanOrEqual(4 * naive.calls);
    expect(annotated.upstreamRequests).toBeLessThan(1.25 * annotated.calls);
  });

  test("denies retries for the annotated client only", () => {
    const { bare, naive, annotated } = told.clients;
    expect([bare.retriesDenied, naive.retriesDenied]).toEqual([0, 0]);
    expect(annotated.retriesDenied).toBeGreaterThan(0);
  });

  test("leaves a report", () => {
    expect(existsSync(told.report)).toBe(true);
    rmSync(told.report);
  });

  test("tells how it goes on stderr, in lines without colours", () => {
    expect(progress).toMatch(/^ +12 s /m);
    // oxlint-disable-next-line no-control-regex -- escape sequences are what must not be there
    expect(progress).not.toMatch(/\u001B/);
  });

  test("leaves no process behind", async () => {
    expect(pidsIn(progress)).toHaveLength(3);
    await vi.waitUntil(() => !pidsIn(progress).some(isRunning), { timeout: 10_000 });
  });
});

describe.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s", (signal, code) => {
  let output = "";
  let exitCode: number | null;

  beforeAll(async () => {
    const demo = startDemo();
    demo.stdout.setEncoding("utf8").on("data", (chunk: string) => void (output += chunk));
    const ended = exitOf(demo);
    await vi.waitUntil(() => output.includes("\n  1 s "), { timeout: 30_000 });
    demo.kill(signal);
    exitCode = await ended;
  }, PATIENCE_MS);

  test(`ends the demo with exit code ${code}`, () => {
    expect(exitCode).toBe(code);
  });

  test("leaves no process behind", async () => {
    expect(pidsIn(output)).toHaveLength(3);
    await vi.waitUntil(() => !pidsIn(output).some(isRunning), { timeout: 10_000 });
  });

  test("comes after the options in use, and after the word that time is compressed", () => {
    expect(output).toContain("1 s here stands for 10 s");
    expect(output).toContain("opens on 5 failures in a row; for 1.5 s");
    expect(output).toContain("Seed 1,");
  });
});

test.each([
  [["--fast"], "Unknown option '--fast'; --help lists what there is.\n"],
  [["--play"], "--play needs a terminal of at least 80 x 24.\n"],
])("%j is refused with one sentence and exit code 64", async (args, sentence) => {
  const demo = startDemo(...args);
  const ended = exitOf(demo);
  expect(await text(demo.stderr)).toBe(sentence);
  expect(await ended).toBe(64);
});
