import type { ParsedCallOptions } from "../call/call-options.js";
import { LONGEST_TIMER_MS } from "../time/duration.js";
import type { Plan } from "./plan.js";

/** The shorter of what a policy and a call ask for. One that no timer can hold is none: nobody lives to see it. */
export function deadlineOf(
  { deadlineMs }: Plan,
  options: ParsedCallOptions | undefined,
): number | undefined {
  const shorter = Math.min(deadlineMs ?? Infinity, options?.deadlineMs ?? Infinity);
  return shorter > LONGEST_TIMER_MS ? undefined : shorter;
}
