import {
  BreakwaterError,
  bulkhead,
  circuitBreaker,
  explainError,
  type Policy,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { describe, expect, it } from "vitest";
import { clock as time } from "../../src/time/clock.js";
import { reset } from "../regressions/fixtures.js";
import { ana, atNoon } from "./support.js";
import { clock } from "../support/virtual-clock.js";

atNoon();

const CALLS = 10_000;

/** Five policies with all that a call may wait for. */
const fleet = (): Policy[] =>
  ["crm", "rates", "ledger", "mail", "search"].map((name) =>
    resilient(
      circuitBreaker({ failureRatio: 1, minimumCalls: 1_000_000 }),
      retry({ maxAttempts: 3, baseMs: 1_000, jitter: "none" }),
      retryBudget({ ratio: 1, reserve: 100_000 }),
      bulkhead({ limit: 1_000, queueLimit: 10_000, queueWaitMs: "1h" }),
      timeout("1m"),
      { name },
    ),
  );

interface Call {
  readonly attempts: Error[];
  runs: number;
  outcome?: { readonly value: unknown } | { readonly error: unknown };
}

const after = (ms: number): Promise<void> =>
  new Promise((resolve) => void time.setTimer(resolve, ms));

/** Every third call fails at first and sleeps before its retry, the others run for a while; what finds no room waits. */
function start(policies: readonly Policy[]): Call[] {
  const [soon, late] = [after(10), after(5_000)];
  return Array.from({ length: CALLS }, (_, n) => {
    const call: Call = { attempts: [], runs: 0 };
    const task = async (): Promise<number> => {
      call.runs++;
      await (n % 3 === 0 ? soon : late);
      if (n % 3 === 0 && call.runs === 1) throw push(call.attempts, reset());
      return n;
    };
    (policies[n % policies.length] as Policy).execute(task).then(
      (value) => (call.outcome = { value }),
      (error: unknown) => (call.outcome = { error }),
    );
    return call;
  });
}

function push(errors: Error[], error: Error): Error {
  errors.push(error);
  return error;
}

describe.each(["block", "bypass"] as const)("a kill switch that is a %s", (verb) => {
  it("set while 10,000 calls are in flight loses none: each settles with its own outcome", async () => {
    const policies = fleet();
    const calls = start(policies);
    await clock.advance(100);
    const begun = calls.filter(({ runs }) => runs > 0).length;
    expect(begun).toBeGreaterThan(CALLS / 2);
    expect(begun).toBeLessThan(CALLS);
    ana(verb, { policy: "*" });
    await clock.advance(0);
    const runsThen = calls.map(({ runs }) => runs);
    await clock.advance(120_000);
    const outcomes = { value: 0, ownError: 0, refused: 0 };
    calls.forEach(({ outcome, attempts, runs }, n) => {
      if (outcome === undefined) throw new Error(`call ${n} was lost`);
      if ("value" in outcome && outcome.value === n) outcomes.value++;
      else if ("error" in outcome && outcome.error === attempts[0]) outcomes.ownError++;
      else if ("error" in outcome && isForcedOpen(outcome.error) && runs === 0) outcomes.refused++;
      else throw new Error(`call ${n} has somebody else's outcome: ${JSON.stringify(outcome)}`);
    });
    const inBlock = {
      value: calls.filter(({ runs }, n) => runs > 0 && n % 3 !== 0).length,
      ownError: calls.filter(({ runs }, n) => runs > 0 && n % 3 === 0).length,
      refused: CALLS - begun,
    };
    const inBypass = { value: CALLS, ownError: 0, refused: 0 };
    expect(outcomes).toEqual(verb === "block" ? inBlock : inBypass);
    const runsNow = calls.map(({ runs }) => runs);
    expect(isSame(runsNow, runsThen)).toBe(verb === "block");
  });
});

function isSame(some: readonly number[], others: readonly number[]): boolean {
  return some.every((each, n) => each === others[n]);
}

function isForcedOpen(error: unknown): boolean {
  return (
    error instanceof BreakwaterError &&
    error.code === "ERR_CIRCUIT_FORCED_OPEN" &&
    explainError(error)?.stoppedBy === "refused"
  );
}
