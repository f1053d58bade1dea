import { badInput, type Duration, isPlainObject } from "@breakwater/core";
import { aDuration, aFlag, type Checks, checkOptions, msOf } from "../options/check.js";

/** How a lock is asked for, and what happens when it is lost. */
export interface PgLockOptions {
  /** Wait until it is free; else it is tried for once. Default false. */
  readonly wait?: boolean;
  /** The longest wait for it, connecting included. Default: 10 s without `wait`, and none with it. */
  readonly deadlineMs?: Duration;
  /** Aborted: it is not waited for any more. */
  readonly signal?: AbortSignal;
  /** How often its connection is asked whether it still stands, and how long it may take to answer. Default 5 s. */
  readonly checkMs?: Duration;
  /** Called once if the lock is lost, when its `signal` has been aborted. */
  readonly onLost?: (error: Error) => void;
}

const checks: Checks = {
  wait: aFlag,
  deadlineMs: aDuration,
  signal: {
    expected: "an AbortSignal",
    holds: (value) =>
      typeof (value as Partial<AbortSignal> | null)?.addEventListener === "function",
  },
  checkMs: aDuration,
  onLost: { expected: "a function", holds: (value) => typeof value === "function" },
};

/** The same, complete, with durations in milliseconds. */
export interface LockRules {
  readonly wait: boolean;
  readonly deadlineMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly checkMs: number;
  readonly onLost: ((error: Error) => void) | undefined;
}

const TRY_MS = 10_000;
const CHECK_MS = 5_000;

/** @throws BreakwaterError `ERR_INVALID_SPEC` */
export function parseLockOptions(given: unknown): LockRules {
  if (!isPlainObject(given)) throw badInput("pgLock", "an object with options", given);
  checkOptions("pgLock", checks, given);
  const { wait = false, deadlineMs, signal, checkMs, onLost } = given as PgLockOptions;
  return {
    wait,
    deadlineMs: msOf(deadlineMs) ?? (wait ? undefined : TRY_MS),
    signal,
    checkMs: msOf(checkMs) ?? CHECK_MS,
    onLost,
  };
}
