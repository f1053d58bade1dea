import { badInput, type Duration, isPlainObject } from "@breakwater/core";
import { aDuration, aFlag, aLimit, checkOptions, type Checks } from "./check.js";

/** What one statement may ask for: `pool.query({ text, values, resilience: { readOnly: true } })`. */
export interface QueryResilience {
  /** It only reads: it may be repeated after it may have been run. */
  readonly readOnly?: boolean;
  /** The same, and the server refuses to write. Two round trips more. */
  readonly enforceReadOnly?: boolean;
  /** It does the same when it is run twice. */
  readonly idempotent?: boolean;
  /** The caller's own signal: its abort cancels the statement on the server. */
  readonly signal?: AbortSignal | undefined;
  /** Time for all of it, with its retries; a shorter deadline of the policy or around it holds. */
  readonly deadlineMs?: Duration;
  /** How long it may run before it is cancelled on the server; instead of the pool's `statementMs`. `null` for ever. */
  readonly statementMs?: Duration | null;
  /** Attempts in all; the lesser of this and what the policy allows holds. 1 to 100. */
  readonly maxAttempts?: number;
}

declare module "pg" {
  // oxlint-disable-next-line typescript/no-explicit-any -- as pg declares it, or it would not be the same interface
  export interface QueryConfig<I = any[]> {
    /** What this statement asks of Breakwater, where its pool is wrapped. */
    resilience?: QueryResilience | undefined;
  }
}

const checks: Checks = {
  readOnly: aFlag,
  enforceReadOnly: aFlag,
  idempotent: aFlag,
  signal: {
    expected: "an AbortSignal",
    holds: (value) =>
      typeof (value as Partial<AbortSignal> | null)?.addEventListener === "function",
  },
  deadlineMs: aDuration,
  statementMs: aLimit,
  maxAttempts: {
    expected: "a whole number from 1 to 100",
    holds: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 100,
  },
};

/** @throws BreakwaterError `ERR_INVALID_SPEC` */
export function parseQueryOptions(given: unknown): QueryResilience | undefined {
  if (given === undefined || given === null) return undefined;
  if (!isPlainObject(given)) throw badInput("query.resilience", "an object with options", given);
  checkOptions("query.resilience", checks, given);
  return given;
}

/** It would be repeated alone, while what it belongs to has been rolled back. */
export function refuseToRepeat(asked: QueryResilience | undefined, isInTransaction: boolean): void {
  const name = (["idempotent", "readOnly", "enforceReadOnly", "maxAttempts"] as const).find(
    (option) => asked?.[option] !== undefined && asked[option] !== false,
  );
  if (name === undefined) return;
  const where = isInTransaction ? "in a transaction" : "on a client of your own";
  throw badInput(
    `query.resilience.${name}`,
    `no such option ${where}`,
    asked?.[name],
    isInTransaction
      ? "A statement is never repeated without its transaction: withTransaction repeats the whole of it"
      : "Only pool.query repeats statements; withTransaction repeats transactions",
  );
}
