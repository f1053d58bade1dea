/* oxlint-disable vitest/no-conditional-expect -- what is expected depends on what a random schedule has led to */
import { BreakwaterError } from "@breakwater/core";
import { expect } from "vitest";
import type { PolicySpec } from "./schedule.js";
import { type CallRecord, reasonOf } from "./world.js";

const OUT_OF_TIME = /ERR_ATTEMPT_TIMEOUT|ERR_DEADLINE_EXCEEDED/;

/** The law, told from what the task has seen. */
export function expectOwnError(
  { attemptTimeoutMs = Infinity, deadlineMs = Infinity }: PolicySpec,
  call: CallRecord,
): void {
  const { runs: ran, settled, beganMs } = call;
  if (settled === undefined || !("error" in settled) || settled.error === reasonOf(call)) return;
  const last = ran.at(-1);
  const { error } = settled;
  if (last === undefined) expect(error).toBeInstanceOf(BreakwaterError);
  else if (error instanceof BreakwaterError) {
    expect(error.code).toMatch(OUT_OF_TIME);
    expect(last.ended?.atMs ?? Infinity).toBeGreaterThanOrEqual(
      Math.min(last.beganMs + attemptTimeoutMs, beganMs + deadlineMs),
    );
  } else expect(Object.is(error, (last.ended as { error: unknown }).error)).toBe(true);
}
