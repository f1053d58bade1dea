/* oxlint-disable vitest/no-conditional-expect -- what is expected depends on what a random schedule has led to */
import { loop } from "../support/laws/simulated-loop.js";
import { circuitBreaker, resilient, retry, timeout } from "@breakwater/core";
import { eventLog } from "@breakwater/core/testing";
import fc, { type Arbitrary } from "fast-check";
import { afterAll, expect, it } from "vitest";
import { lawRuns } from "../support/laws/seed.js";

const runs = lawRuns(
  "law 11, a timeout never fires before its time, and a blocked loop is not the dependency's fault",
);

afterAll(() => loop.leave());

type Step =
  | { readonly idleMs: number }
  | { readonly blockMs: number }
  | { readonly timeoutMs: number; readonly worksMs: number; readonly answersInMs: number };

const ms = (max: number): Arbitrary<number> => fc.integer({ min: 0, max });

const step: Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      timeoutMs: fc.constantFrom(20, 50, 200),
      worksMs: fc.oneof(fc.constant(0), ms(400)),
      answersInMs: ms(600),
    }),
  },
  { weight: 3, arbitrary: fc.record({ idleMs: fc.oneof(ms(30), ms(300)) }) },
  { weight: 2, arbitrary: fc.record({ blockMs: fc.oneof(ms(60), ms(500)) }) },
);

interface Attempt {
  readonly timeoutMs: number;
  readonly beganMs: number;
  /** When the answer reached the socket. */
  readonly answeredMs: number;
  /** Undefined when the answer came through. */
  timedOutMs: number | undefined;
}

const policies = new Map(
  [20, 50, 200].map((limitMs) => [limitMs, resilient(timeout(limitMs), retry({ maxAttempts: 1 }))]),
);

/** Calls whose task first blocks the loop for a while, then waits for an answer from the network. */
function start(
  all: Attempt[],
  { timeoutMs, worksMs, answersInMs }: Extract<Step, { timeoutMs: number }>,
): void {
  let attempt: Attempt | undefined;
  const task = (): Promise<void> => {
    const beganMs = loop.nowMs;
    loop.block(worksMs);
    const waitMs = Math.max(0, answersInMs - worksMs);
    attempt = { timeoutMs, beganMs, answeredMs: loop.nowMs + waitMs, timedOutMs: undefined };
    all.push(attempt);
    return new Promise((resolve) => loop.arrivesIn(waitMs, resolve));
  };
  policies
    .get(timeoutMs)
    ?.execute(task)
    .catch(() => {
      if (attempt !== undefined) attempt.timedOutMs = loop.nowMs;
    });
}

async function play(steps: readonly Step[]): Promise<readonly Attempt[]> {
  const attempts: Attempt[] = [];
  for (const next of steps) {
    if ("idleMs" in next) await loop.run(next.idleMs);
    else if ("blockMs" in next) loop.block(next.blockMs);
    else start(attempts, next);
  }
  await loop.run(2_000);
  return attempts;
}

const schedule = fc.array(step, { minLength: 1, maxLength: 12 });

it("never fires before its time, counted from when the attempt really began, however the loop was blocked", async () => {
  const property = fc.asyncProperty(schedule, async (steps) => {
    for (const { timeoutMs, beganMs, timedOutMs = Infinity } of await play(steps))
      expect(timedOutMs - beganMs).toBeGreaterThanOrEqual(timeoutMs);
  });
  await fc.assert(property, runs);
});

it("an answer that was in the socket before the time was over wins, however late it could be read", async () => {
  const property = fc.asyncProperty(schedule, async (steps) => {
    for (const { timeoutMs, beganMs, answeredMs, timedOutMs } of await play(steps))
      if (answeredMs - beganMs < timeoutMs) expect(timedOutMs).toBeUndefined();
  });
  await fc.assert(property, runs);
});

it("however shortly the loop was blocked when the time was over, an answer that had come by then wins", async () => {
  const property = fc.asyncProperty(
    ms(199),
    ms(199),
    ms(150),
    async (answersInMs, idleMs, blockMs) => {
      const [attempt] = await play([
        { timeoutMs: 200, worksMs: 0, answersInMs },
        { idleMs },
        { blockMs },
      ]);
      expect(attempt?.timedOutMs).toBeUndefined();
    },
  );
  await fc.assert(property, runs);
});

/** The step without anything that blocks the loop. */
function unblocked(next: Step): Step[] {
  if ("blockMs" in next) return [];
  return "worksMs" in next ? [{ ...next, worksMs: 0 }] : [next];
}

it("fires soon after its time where nothing blocks the loop", async () => {
  const calm = schedule.map((steps) => steps.flatMap(unblocked));
  const property = fc.asyncProperty(calm, async (steps) => {
    for (const { timeoutMs, beganMs, answeredMs, timedOutMs = Infinity } of await play(steps))
      if (answeredMs - beganMs > timeoutMs + 50)
        expect(timedOutMs - beganMs).toBeLessThanOrEqual(timeoutMs + 40);
  });
  await fc.assert(property, runs);
});

it("what expires during a stall is neutral to the breaker, and the stall is told; what expires in time counts", async () => {
  const property = fc.asyncProperty(ms(400), async (blockedMs) => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const policy = resilient(breaker, timeout(100));
    const stalls = eventLog(policy, "process.stalled");
    const hung = policy.execute(() => new Promise(() => {})).catch((error: unknown) => error);
    await loop.run(50);
    loop.block(blockedMs);
    await loop.run(200);
    expect(await hung).toMatchObject({ code: "ERR_ATTEMPT_TIMEOUT" });
    const stalled = blockedMs > 150;
    if (!stalled && blockedMs > 50) return; // somewhat late: either is right
    expect(breaker.state()).toBe(stalled ? "closed" : "open");
    expect(stalls.length).toBe(stalled ? 1 : 0);
  });
  await fc.assert(property, runs);
});
