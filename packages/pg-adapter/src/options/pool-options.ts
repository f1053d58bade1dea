import type { Bulkhead, Duration, Fallback, PolicyOptions, PolicyPart } from "@breakwater/core";
import { aDuration, aFlag, aLimit, type Checks, msOf } from "./check.js";

/** What a pool may be told about its statements, whatever policy they run under. */
export interface PoolOptions {
  /** All statements of `pool.query` only read: they may be repeated after they may have been run. Default false. */
  readonly readOnly?: boolean;
  /** The same, and the server refuses to write: each runs in a `BEGIN READ ONLY`, two round trips more. Default false. */
  readonly enforceReadOnly?: boolean;
  /** All statements of `pool.query` do the same when they are run twice. Default false. */
  readonly idempotent?: boolean;
  /**
   * How long a connection is waited for, new or from the pool; `null` for ever. Default 5 s, or the pool's own
   * `connectionTimeoutMillis`.
   */
  readonly acquireMs?: Duration | null;
  /**
   * How long a statement may run before it is cancelled on the server; `null` for ever. It holds for the statements of a
   * checked-out client, too. Default 30 s, or 1 s more than the pool's own `statement_timeout`.
   */
  readonly statementMs?: Duration | null;
  /** How long the cancelling may take before the connection is closed instead. Default 2 s. */
  readonly cancelMs?: Duration;
}

/** What `wrapPool` takes: the parts of a policy in any order, and at most one object of options. */
export type PgPart =
  | Exclude<PolicyPart, PolicyOptions | Bulkhead | Fallback>
  | (Omit<PolicyOptions, "key" | "idempotent" | "scope"> & PoolOptions);

export const poolChecks: Checks = {
  readOnly: aFlag,
  enforceReadOnly: aFlag,
  idempotent: aFlag,
  acquireMs: aLimit,
  statementMs: aLimit,
  cancelMs: aDuration,
};

const ACQUIRE_MS = 5_000;
const STATEMENT_MS = 30_000;
const CANCEL_MS = 2_000;

/** Time limits in milliseconds; undefined where there is none. */
export interface Limits {
  readonly acquireMs: number | undefined;
  readonly statementMs: number | undefined;
  readonly cancelMs: number;
}

interface OwnLimits {
  readonly connectionTimeoutMillis?: number | undefined;
  readonly statement_timeout?: number | string | false | undefined;
}

/** Ours first, then what the pool itself has been told, then what is sensible. */
export function limitsOf(options: PoolOptions, own: OwnLimits): Limits {
  const { acquireMs, statementMs, cancelMs = CANCEL_MS } = options;
  return {
    acquireMs: limit(acquireMs, own.connectionTimeoutMillis || ACQUIRE_MS),
    statementMs: limit(statementMs, statementLimit(own)),
    cancelMs: msOf(cancelMs) ?? CANCEL_MS,
  };
}

function limit(given: Duration | null | undefined, otherwise: number): number | undefined {
  return given === null ? undefined : (msOf(given) ?? otherwise);
}

/** The server should be first to give up, as it says why. */
function statementLimit({ statement_timeout: own }: OwnLimits): number {
  const ms = Number(own || 0);
  return ms > 0 ? ms + 1_000 : STATEMENT_MS;
}
