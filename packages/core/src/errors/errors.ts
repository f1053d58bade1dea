/** What each code means, and whether it is a refusal (we said no, the task did not run). Docs and tests read this table. */
export const ERRORS = {
  ERR_CIRCUIT_OPEN: {
    refusal: true,
    means: "the circuit is open, or half-open with all probes taken",
  },
  ERR_BULKHEAD_FULL: {
    refusal: true,
    means: "as many attempts as the bulkhead allows are running",
  },
  ERR_RATE_LIMITED: {
    refusal: true,
    means: "as many attempts as the rate limit allows have begun",
  },
  ERR_DRAINING: {
    refusal: true,
    means: "the policy is being drained: it takes no calls any more",
  },
  ERR_QUEUE_TIMEOUT: {
    refusal: true,
    means: "the call has waited for room in the bulkhead for as long as it may",
  },
  ERR_DEADLINE_EXCEEDED: {
    refusal: false,
    means: "the call ran out of the time its deadline gave it",
  },
  ERR_ATTEMPT_TIMEOUT: { refusal: false, means: "an attempt ran longer than attemptTimeoutMs" },
  ERR_SINK_FULL: {
    refusal: false,
    means: "a sink of dead letters holds as much as it may",
  },
  ERR_INVALID_SPEC: {
    refusal: false,
    means: "options that cannot work; `issues` lists every problem",
  },
  ERR_UNKNOWN_POLICY: { refusal: false, means: "no policy of that name has been defined" },
  ERR_NOT_A_METHOD: {
    refusal: false,
    means: "@Resilient is on something that is not an async method",
  },
  ERR_NO_CALL: { refusal: false, means: "currentCall() was read where no call is running" },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** What was wrong with one option. */
export interface Issue {
  /** Where: `circuitBreaker.failureRatio`. */
  readonly path: string;
  readonly expected: string;
  readonly received: string;
  /** What to do about it, when we know. */
  readonly hint?: string;
}

export interface ErrorDetails {
  readonly policy?: string | undefined;
  readonly guard?: string | undefined;
  readonly key?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly issues?: readonly Issue[] | undefined;
  readonly cause?: unknown;
}

const BRAND = Symbol.for("breakwater.error");

/**
 * The only class of error that Breakwater throws. What the task throws is never wrapped or replaced.
 *
 * `instanceof` holds across two copies of the package. `code` says which error it is, `isRefusal` whether the task did
 * not run because we said no. A refusal carries `retryAfterMs` and, as `cause`, a summary of what tripped the circuit:
 * plain data, never another caller's error.
 *
 * @example
 * try {
 *   await rates.latest("EUR");
 * } catch (error) {
 *   if (error instanceof BreakwaterError && error.isRefusal) return cached(error.retryAfterMs);
 *   throw error; // the task's own error, the same object
 * }
 */
export class BreakwaterError extends Error {
  readonly code: ErrorCode;
  /** The name of the policy that said so. */
  declare readonly policy?: string;
  /** The name of the breaker or bulkhead that refused. */
  declare readonly guard?: string;
  /** The key of the call, where the policy has keys. */
  declare readonly key?: string;
  /** When it makes sense to ask again. */
  declare readonly retryAfterMs?: number;
  /** Every problem of an invalid spec. */
  declare readonly issues?: readonly Issue[];

  static {
    Object.defineProperty(this.prototype, "name", {
      value: "BreakwaterError",
      configurable: true,
      writable: true,
    });
    Object.defineProperty(this.prototype, BRAND, { value: true });
  }

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message);
    this.code = code;
    if (details.policy !== undefined) this.policy = details.policy;
    if (details.guard !== undefined) this.guard = details.guard;
    if (details.key !== undefined) this.key = details.key;
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs;
    if (details.issues !== undefined) this.issues = details.issues;
    if (details.cause !== undefined) this.cause = details.cause;
  }

  get isRefusal(): boolean {
    return ERRORS[this.code].refusal;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && BRAND in value;
  }
}

/**
 * Whether Breakwater refused: the task did not run, so nothing has happened that could need undoing. False for
 * everything else, our timeouts and the task's own errors included. It also holds across two copies of the package.
 *
 * @example
 * const quote = await rates.latest("EUR").catch((error: unknown) => {
 *   if (isRefusal(error)) return lastKnown("EUR");
 *   throw error;
 * });
 */
export function isRefusal(error: unknown): error is BreakwaterError & { readonly isRefusal: true } {
  return error instanceof BreakwaterError && error.isRefusal;
}

/** An error without its stack, which would cost ten times the refusal and only shows our own frames. */
export function withoutStack(
  code: ErrorCode,
  message: string,
  details: ErrorDetails,
): BreakwaterError {
  const limit = Error.stackTraceLimit;
  try {
    Error.stackTraceLimit = 0;
  } catch {
    return new BreakwaterError(code, message, details); // frozen intrinsics
  }
  const error = new BreakwaterError(code, message, details);
  Error.stackTraceLimit = limit;
  return error;
}
