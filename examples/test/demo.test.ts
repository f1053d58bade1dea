import { type ChildProcess, type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

const root = join(import.meta.dirname, "../..");
/** For hooks that wait for real processes, on machines that are busy. */
const PATIENCE_MS = 60_000;

/** What `--json` prints, as far as it is looked at here. */
interface Story {
  readonly server: { readonly pid: number };
  readonly calls: readonly { readonly result: string; readonly retryAfterMs?: number }[];
  readonly events: readonly { readonly type: string }[];
  readonly summary: {
    readonly calls: number;
    readonly attempts: number;
    readonly refused: number;
    readonly requestsSeenByServer: number;
  };
}

const demos: ChildProcess[] = [];
afterAll(() => demos.forEach((demo) => demo.kill()));

function startDemo(...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
  const demo = spawn(process.execPath, [join(root, "examples/dist/demo/main.js"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  demos.push(demo);
  return demo;
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, "exit")) as [number | null];
  return code;
}

beforeAll(() => {
  const { stdout, status } = spawnSync(
    join(root, "node_modules/.bin/tsc"),
    ["-b", join(root, "examples")],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(stdout);
}, PATIENCE_MS);

describe("the demo, told as JSON", () => {
  let story: Story;
  let exitCode: number | null;

  beforeAll(async () => {
    const demo = startDemo("--json");
    const ended = exitOf(demo);
    story = JSON.parse(await text(demo.stdout)) as Story;
    exitCode = await ended;
  }, PATIENCE_MS);

  test("ends with exit code 0", () => {
    expect(exitCode).toBe(0);
  });

  test("shows the circuit opening, trying and closing", () => {
    const seen = story.events.map(({ type }) => type).filter((type) => type.startsWith("circuit."));
    expect(seen.slice(0, 2)).toEqual(["circuit.opened", "circuit.half_opened"]);
    expect(seen.at(-1)).toBe("circuit.closed");
  });

  test("sends the server no more than its calls and the budget allow", () => {
    const { calls, requestsSeenByServer } = story.summary;
    expect(requestsSeenByServer).toBeLessThanOrEqual(calls * 1.2 + 3);
    expect(requestsSeenByServer).toBeGreaterThan(10);
  });

  test("never has the server see more than was attempted", () => {
    expect(story.summary.requestsSeenByServer).toBeLessThanOrEqual(story.summary.attempts);
  });

  test("says of each refused call when to ask again", () => {
    const refused = story.calls.filter(({ result }) => result === "refused");
    expect(refused).toHaveLength(story.summary.refused);
    expect(refused.length).toBeGreaterThan(0);
    for (const { retryAfterMs } of refused) expect(retryAfterMs).toBeLessThanOrEqual(2_000);
  });

  test("shows retries being denied for want of budget", () => {
    expect(story.events).toContainEqual(
      expect.objectContaining({ type: "retry.denied", by: "budget" }),
    );
  });

  test("ends well: the last call succeeds", () => {
    expect(story.calls.at(-1)?.result).toBe("ok");
  });

  test("leaves no server behind", () => {
    expect(() => process.kill(story.server.pid, 0)).toThrow("ESRCH");
  });
});

describe("the demo, told as text", () => {
  let output = "";
  let exitCode: number | null;

  beforeAll(async () => {
    const demo = startDemo();
    demo.stdout.setEncoding("utf8").on("data", (chunk: string) => void (output += chunk));
    const ended = exitOf(demo);
    await vi.waitUntil(() => output.includes("\n   2  ok"), { timeout: 30_000 });
    demo.kill("SIGINT");
    exitCode = await ended;
  }, PATIENCE_MS);

  test("ends with exit code 130 on Ctrl-C", () => {
    expect(exitCode).toBe(130);
  });

  test("leaves no server behind after Ctrl-C", async () => {
    const [url = ""] = /http:\/\/127\.0\.0\.1:\d+/.exec(output) ?? [];
    const isGone = (): Promise<boolean> =>
      fetch(url).then(
        () => false,
        () => true,
      );
    expect(url).not.toBe("");
    expect(await vi.waitUntil(isGone, { timeout: 10_000 })).toBe(true);
  });

  test("prints the options in use, and that times are shortened", () => {
    expect(output).toContain("times are shortened");
    expect(output).toContain("opens on 5 failures in a row; for 1 s");
  });

  test("keeps to 80 columns, without colours where nobody sees them", () => {
    expect(Math.max(...output.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    // oxlint-disable-next-line no-control-regex -- escape sequences are what must not be there
    expect(output).not.toMatch(/\u001B/);
  });
});

test("the demo refuses an argument that it doesn't know with one sentence", async () => {
  const demo = startDemo("--fast");
  const ended = exitOf(demo);
  expect(await text(demo.stderr)).toBe("The demo takes no arguments but --json.\n");
  expect(await ended).toBe(1);
});
