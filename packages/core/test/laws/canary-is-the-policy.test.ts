import {
  circuitBreaker,
  type Policy,
  type PolicyPart,
  type ResilienceEvent,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { installVirtualClock } from "@breakwater/core/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { isTaken } from "../../src/policy/cohorts/assignment.js";
import { clock as time } from "../../src/time/clock.js";
import { useRandom } from "../../src/time/random.js";
import { reset } from "../regressions/fixtures.js";
import { lawRuns } from "../support/laws/seed.js";

const runs = lawRuns("the protected cohort is the policy without a canary");

interface Arrival {
  readonly key: string;
  readonly gapMs: number;
  readonly tookMs: number;
  readonly works: boolean;
}

const KEYS = ["a", "b", "c", "d", "e", "f"];
const arrivals = fc.array(
  fc.record<Arrival>({
    key: fc.constantFrom(...KEYS),
    gapMs: fc.integer({ min: 0, max: 200 }),
    tookMs: fc.integer({ min: 0, max: 300 }),
    works: fc.boolean(),
  }),
  { minLength: 5, maxLength: 60 },
);

function parts(): PolicyPart[] {
  return [
    circuitBreaker({ consecutiveFailures: 2, openMs: 300, probes: 1 }),
    retryBudget({ ratio: 0.5, reserve: 2 }),
    retry({ maxAttempts: 2, baseMs: 20, jitter: "none" }),
    timeout(200),
  ];
}

/** All that there is to see of the calls that are wanted, and of their circuits. */
async function play(
  make: () => Policy,
  schedule: readonly Arrival[],
  sends: (key: string) => boolean,
  shows: (key: string) => boolean,
): Promise<{ log: string[]; events: object[]; circuits: unknown }> {
  const clock = installVirtualClock();
  useRandom(() => 0.5); // how long an opening lasts is drawn, and who is in shadow draws, too
  const startMs = time.read();
  const policy = make();
  const events: ResilienceEvent[] = [];
  policy.on("*", (event) => void events.push(event));
  policy.on("retry.scheduled", (event) => void events.push(event));
  const log: string[] = [];
  for (const [n, { key, gapMs, tookMs, works }] of schedule.entries()) {
    await clock.advance(gapMs);
    if (!sends(key)) continue;
    const say = (what: string): void => {
      if (shows(key)) log.push(`${n} ${what} at ${time.read() - startMs}`);
    };
    const task = (): Promise<void> =>
      new Promise((resolve, reject) => {
        say("begins");
        time.setTimer(() => (works ? resolve() : reject(reset())), tookMs);
      });
    policy.execute(task, { key }).then(
      () => say("resolves"),
      ({ code }: { code: string }) => say(`rejects with ${code}`),
    );
  }
  await clock.advance(10_000);
  const { circuits } = policy.snapshot();
  clock.restore();
  const shown = events.filter((event) => "key" in event && shows(event.key ?? ""));
  // Which cohort it was is all that may tell one from the other; refusals are folded over all keys.
  const told = shown
    .filter(({ type }) => type !== "call.refused")
    .map((event) => ({ ...event, cohort: undefined, at: undefined }));
  return { log, events: told, circuits };
}

it("the keys that a canary takes fare as they would under a policy without one that only they use", async () => {
  const ratio = fc.constantFrom(0.2, 0.5, 0.8, 1);
  const property = fc.asyncProperty(arrivals, ratio, async (schedule, share) => {
    const isProtected = (key: string): boolean => isTaken("crm", key, share);
    const canary = { ratio: share, by: "key" } as const;
    const alone = await play(
      () => resilient(...parts(), { name: "crm" }),
      schedule,
      isProtected,
      isProtected,
    );
    const beside = await play(
      () => resilient(...parts(), { name: "crm", canary }),
      schedule,
      () => true,
      isProtected,
    );
    expect(beside).toEqual(alone);
  });
  await fc.assert(property, runs);
});
