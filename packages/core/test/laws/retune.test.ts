/* oxlint-disable vitest/no-conditional-expect -- what is expected depends on what a random schedule has led to */
import { BreakwaterError, isRefusal, type PolicySpec as CoreSpec } from "@breakwater/core";
import fc, { type Arbitrary } from "fast-check";
import { describe, expect, it } from "vitest";
import { compiledFor } from "../support/laws/drivers.js";
import { PassLedger } from "../support/laws/ledger.js";
import { policyFor, type PolicySpec, type Step, step } from "../support/laws/schedule.js";
import { lawRuns } from "../support/laws/seed.js";
import { type CallRecord, inWorld, reasonOf, type World } from "../support/laws/world.js";

const runs = lawRuns("a policy that is retuned at any moment keeps the laws");

type Move = Step | { readonly become: PolicySpec } | { readonly tune: PolicySpec };

const isTuning = (move: Move): move is Exclude<Move, Step> => "become" in move || "tune" in move;

/** The names of the world are those of parts; here they are those of a spec. */
function specOf({ attemptTimeoutMs, deadlineMs, ...parts }: PolicySpec): CoreSpec {
  // fast-check says undefined for what is not there; so do these tests, until it is said as null or left out
  return { ...parts, timeout: attemptTimeoutMs ?? null, deadline: deadlineMs ?? null } as CoreSpec;
}

/** All that it says is there, and what it does not say goes: or it stays, where only a patch is meant. */
function play(world: World, move: Move, driver: "direct" | "drive"): Promise<void> {
  if (!isTuning(move)) return world.play(move);
  compiledFor(driver, () => {
    if ("become" in move) world.policy.retune(withoutNothing(specOf(move.become)));
    else world.policy.tune(onlyWhatIsSaid(move.tune), { by: "fast-check" });
  });
  return world.clock.advance(0);
}

function onlyWhatIsSaid(spec: PolicySpec): CoreSpec {
  return Object.fromEntries(
    Object.entries(specOf(spec)).filter(([, value]) => value !== undefined && value !== null),
  );
}

/** A kind that is not there is said to be not there: else a budget would imply retries. */
function withoutNothing(spec: CoreSpec): CoreSpec {
  const kinds = ["breaker", "rateLimit", "bulkhead", "budget", "retry"] as const;
  return { ...spec, ...Object.fromEntries(kinds.map((kind) => [kind, spec[kind] ?? null])) };
}

describe.each(["direct", "drive"] as const)("with the driver %s", (driver) => {
  const moves: Arbitrary<Move> = fc.oneof(
    { weight: 3, arbitrary: step },
    {
      weight: 1,
      arbitrary: policyFor[driver].map((spec): Move => ({ become: spec })),
    },
    {
      weight: 1,
      arbitrary: policyFor[driver].map((spec): Move => ({ tune: spec })),
    },
  );
  const schedule = fc.record({
    policy: policyFor[driver],
    moves: fc.array(moves, { minLength: 1, maxLength: 20 }),
  });

  it("exits every pass once, runs no refused task, rethrows the task's own error, and leaves no call behind", async () => {
    let retuned = 0;
    const property = fc.asyncProperty(schedule, async ({ policy, moves: all }) => {
      const ledger = new PassLedger();
      const world = await inWorld(
        policy,
        driver,
        async (playing) => {
          for (const move of all) await play(playing, move, driver);
          retuned += playing.policy.revision;
          return playing;
        },
        ledger,
      );
      for (const { given, exited } of ledger.passes) expect(exited).toBe(given);
      expect(world.parts.bulkhead?.inFlight ?? 0).toBe(0);
      expect(world.parts.bulkhead?.queued ?? 0).toBe(0);
      for (const call of world.calls) expectOwnEnd(call);
      expectCounted(world);
    });
    await fc.assert(property, runs);
    expect(retuned).toBeGreaterThan(0);
  });
});

/** Laws 2 and 3, whatever limits there have been meanwhile. */
function expectOwnEnd(call: CallRecord): void {
  const { settled, runs: ran } = call;
  expect(settled).toBeDefined();
  if (settled === undefined || !("error" in settled) || settled.error === reasonOf(call)) return;
  const { error } = settled;
  if (isRefusal(error)) expect(ran).toEqual([]);
  else if (error instanceof BreakwaterError)
    expect(error.code).toMatch(/ERR_ATTEMPT_TIMEOUT|ERR_DEADLINE_EXCEEDED/);
  else expect(ran.at(-1)?.ended).toHaveProperty("error", error);
}

/** No attempt is forgotten, and none is counted twice, over all plans. */
function expectCounted(world: World): void {
  const { attempts } = world.policy.snapshot().counters;
  const { late: _, ...settled } = attempts;
  const sum = Object.values(settled).reduce((total, count) => total + count, 0);
  const ran = world.calls.reduce((total, { runs: own }) => total + own.length, 0);
  expect(sum).toBe(ran);
}
