import { type BreakwaterError, withoutStack } from "../errors/errors.js";
import { formatDuration } from "../time/duration.js";
import type { Place, Plan } from "./plan.js";

/** A nearly spent deadline says nothing about the dependency. */
export function hadItsTime(
  { attemptTimeoutMs = Infinity, deadlineMs = Infinity }: Plan,
  limitMs: number,
): boolean {
  return limitMs >= Math.min(attemptTimeoutMs, deadlineMs / 2);
}

/** An attempt ran into its own time limit. `cause` is what the attempt before ended with. */
export function attemptTimeout(
  { plan: { policy }, key }: Place,
  attempt: number,
  limitMs: number,
  cause: unknown,
): BreakwaterError {
  const message = `${policy}: attempt ${attempt} took longer than its ${formatDuration(limitMs)} (attemptTimeoutMs).`;
  return withoutStack("ERR_ATTEMPT_TIMEOUT", message, { policy, key, cause });
}

/** A call ran out of its own deadline, of `deadlineMs`; or out of that of a call around it, if that is undefined. */
export function deadlineExceeded(
  { plan: { policy }, key }: Place,
  attempts: number,
  deadlineMs: number | undefined,
  cause: unknown,
): BreakwaterError {
  const ran = attempts === 0 ? "the task did not run" : `attempt ${attempts} was cut off`;
  const whose =
    deadlineMs === undefined
      ? "the deadline of the call around it"
      : `the deadline of ${formatDuration(deadlineMs)}`;
  const message = `${policy}: ${whose} is over; ${ran}.`;
  return withoutStack("ERR_DEADLINE_EXCEEDED", message, { policy, key, cause });
}
