import { BreakwaterError } from "../errors/errors.js";
import { clock } from "../time/clock.js";
import { formatDuration } from "../time/duration.js";
import type { Driver } from "./driver.js";
import type { Plan } from "./plan.js";
import { Drained, refusalError, rejectSoon, reportRefusal } from "./refusals.js";
import { scopeFor } from "./scope.js";

/** What became of the calls that were there when a drain began. */
export interface DrainReport {
  /** They waited for their retry, and got the error that they had. */
  readonly retriesEnded: number;
  /** They waited in a queue, or for `ready()`, and were refused with `ERR_DRAINING`. */
  readonly waitsRefused: number;
  /** Attempts that ran, and ended in time. */
  readonly finished: number;
  /** Attempts that ended after their signal had been aborted. */
  readonly aborted: number;
  /** Attempts that still run: they don't listen to their signal. */
  readonly left: number;
}

const LOOK_EVERY_MS = 10;
/** What a task has, after its signal, to end. */
const LAST_CHANCE_MS = 1_000;

/**
 * Ends what a plan is doing: what waits ends at once, with the error that it has got; what runs has `graceMs` to end by
 * itself, and then its signal is aborted. At last its dead letters are made safe.
 */
export async function drainPlan(plan: Plan, graceMs: number): Promise<DrainReport> {
  const { work, counters, policy } = plan;
  work.isDraining = true;
  const { retry, turn, ready } = work.endWaiting();
  const ran = counters.running;
  await ended(plan, graceMs);
  const late = counters.running;
  if (late > 0) {
    const message = `${policy} is being drained, and its ${formatDuration(graceMs)} are over.`;
    work.abort(() => new CutByDrain("ERR_DRAINING", message, { policy }));
    await ended(plan, LAST_CHANCE_MS);
  }
  const left = counters.running;
  await plan.deadLetters?.flush(plan.events);
  return {
    retriesEnded: retry,
    waitsRefused: turn + ready,
    finished: ran - late,
    aborted: late - left,
    left,
  };
}

/** Several drains at once, as one. */
export async function sumOfDrains(drains: readonly Promise<DrainReport>[]): Promise<DrainReport> {
  const sum = { retriesEnded: 0, waitsRefused: 0, finished: 0, aborted: 0, left: 0 };
  for (const report of await Promise.all(drains))
    for (const what of Object.keys(sum) as (keyof DrainReport)[]) sum[what] += report[what];
  return sum;
}

/** What the signals of running tasks are aborted with. It is no refusal: whoever ends with it has run. */
class CutByDrain extends BreakwaterError {
  override get isRefusal(): boolean {
    return false;
  }
}

/** Takes the place of a plan's driver: from now on every call is refused. */
export const refuseDrained: Driver = (scopes, _task, self, args, options) => {
  const scope = scopeFor(scopes, self, args, options);
  const error = refusalError(scope, new Drained(scope.plan.policy));
  reportRefusal(scope, error);
  return rejectSoon(error);
};

async function ended({ counters }: Plan, withinMs: number): Promise<void> {
  const untilMs = clock.read() + withinMs;
  while (counters.running > 0 && clock.read() < untilMs)
    await new Promise<void>((resolve) => void clock.setTimer(resolve, LOOK_EVERY_MS));
}
