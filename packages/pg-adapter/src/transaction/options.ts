import { badInput, type Duration, isPlainObject } from "@breakwater/core";
import { aDuration, aFlag, checkOptions, type Checks } from "../options/check.js";

export type Isolation = "read committed" | "repeatable read" | "serializable";

const ISOLATIONS: readonly unknown[] = ["read committed", "repeatable read", "serializable"];

/** How a transaction runs, and how it is repeated. */
export interface TransactionOptions {
  /** Default: the server's, which is `read committed` unless it was told otherwise. */
  readonly isolation?: Isolation;
  /** It may not write; so it may always be repeated. Default false. */
  readonly readOnly?: boolean;
  /** Attempts in all; the lesser of this and what the pool's policy allows. 1 to 100; default: the policy's, or 5. */
  readonly maxAttempts?: number | undefined;
  /** Time for all attempts together. Default: the policy's deadline, or none. */
  readonly deadlineMs?: Duration;
  /**
   * Asks the server, on another connection, what became of a COMMIT whose answer was lost. It costs a round trip for each
   * transaction. Default false: such a transaction ends with `CommitUnknownError`.
   */
  readonly resolveCommit?: boolean;
  /** To do it twice does no harm: it is repeated even if it may have been committed. Default false. */
  readonly idempotent?: boolean;
  /** Aborted: the transaction is rolled back, and the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Chooses the circuit and the credit, where the pool's policy has keys. */
  readonly key?: string;
}

/** Of a transaction inside another: it is a savepoint of that one, and shares all else with it. */
const OF_SAVEPOINTS: ReadonlySet<string> = new Set(["maxAttempts", "signal"]);

const checks: Checks = {
  isolation: {
    expected: ISOLATIONS.map((name) => JSON.stringify(name)).join(", "),
    holds: (value) => ISOLATIONS.includes(value),
  },
  readOnly: aFlag,
  maxAttempts: {
    expected: "a whole number from 1 to 100",
    holds: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 100,
  },
  deadlineMs: aDuration,
  resolveCommit: aFlag,
  idempotent: aFlag,
  signal: {
    expected: "an AbortSignal",
    holds: (value) => typeof (value as AbortSignal).addEventListener === "function",
  },
  key: {
    expected: "a text of 1 to 256 characters",
    holds: (value) => typeof value === "string" && value !== "" && value.length <= 256,
  },
};

/** @throws BreakwaterError `ERR_INVALID_SPEC` */
export function checkTransactionOptions(given: unknown, isNested: boolean): TransactionOptions {
  if (!isPlainObject(given)) throw badInput("withTransaction", "an object with options", given);
  checkOptions("withTransaction", checks, given);
  const outers = Object.keys(given).find((name) => !OF_SAVEPOINTS.has(name));
  if (isNested && outers !== undefined)
    throw badInput(
      `withTransaction.${outers}`,
      "no such option inside another transaction",
      given[outers],
      "Give it to the outer withTransaction",
    );
  return given;
}

/** `BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY` */
export function beginOf({ isolation, readOnly }: TransactionOptions): string {
  const level = isolation === undefined ? "" : ` ISOLATION LEVEL ${isolation.toUpperCase()}`;
  const access = readOnly === undefined ? "" : readOnly ? " READ ONLY" : " READ WRITE";
  return `BEGIN${level}${access}`;
}
