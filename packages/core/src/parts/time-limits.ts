import { type Duration, formatDuration, LONGEST_TIMER_MS } from "../time/duration.js";
import { duration, flag, parseOptions, type Schema } from "./options.js";
import { Part } from "./part.js";

/** With less than this left, no attempt begins, unless a deadline says otherwise. */
export const SHORTEST_ATTEMPT_MS = 10;

/** Where an asynchronous context costs the rest of the process nothing, deadlines are handed on without being asked. */
export const PROPAGATES_BY_DEFAULT: boolean = Number.parseInt(process.versions.node, 10) >= 24;

/** A limit for each attempt. */
export interface TimeoutOptions {
  /** An attempt that takes longer fails with `ERR_ATTEMPT_TIMEOUT`, and its signal is aborted. 1 ms to 24.8 days. */
  readonly attemptTimeoutMs: Duration;
}

/** A limit for the whole call: its attempts and the waits between them. */
export interface DeadlineOptions {
  /** A call that takes longer fails with `ERR_DEADLINE_EXCEEDED`. 1 ms to 24.8 days. */
  readonly deadlineMs: Duration;
  /** With less than this left, no attempt begins. 0 to 24.8 days; default 10 ms, at most deadlineMs. */
  readonly minAttemptMs?: Duration;
  /**
   * Whether calls of other policies inside this one get what is left of it, also those that begin after an `await`.
   * Default: from Node.js 24 on. Before, its first use makes every `await` of the process three times as dear.
   */
  readonly propagate?: boolean;
}

const timeoutFields = {
  attemptTimeoutMs: duration(1, LONGEST_TIMER_MS, undefined, {
    meaning: "an attempt that takes longer fails, and its signal is aborted",
    default: "required",
  }),
} as const;

const deadlineFields = {
  deadlineMs: duration(1, LONGEST_TIMER_MS, undefined, {
    meaning: "a call that takes longer fails",
    default: "required",
  }),
  minAttemptMs: duration(0, LONGEST_TIMER_MS, undefined, {
    meaning: "with less than this left, no attempt begins",
    default: "10 ms, at most deadlineMs",
  }),
  propagate: flag(undefined, {
    meaning: "whether calls inside this one, also after an await, get what is left of it",
    default: "true from Node.js 24 on",
  }),
} as const;

export const timeoutSchema: Schema<typeof timeoutFields> = {
  title: "timeout",
  fields: timeoutFields,
  peerNames: {
    timeout: () => "attemptTimeoutMs",
    duration: () => "attemptTimeoutMs",
    delay: () => "attemptTimeoutMs",
    milliseconds: () => "attemptTimeoutMs",
    ms: () => "attemptTimeoutMs",
  },
  contradictions: ({ attemptTimeoutMs }) => required("timeout.attemptTimeoutMs", attemptTimeoutMs),
};

export const deadlineSchema: Schema<typeof deadlineFields> = {
  title: "deadline",
  fields: deadlineFields,
  peerNames: {
    timeout: () => "deadlineMs",
    maxRetryTime: () => "deadlineMs",
    maxElapsedTime: () => "deadlineMs",
    ms: () => "deadlineMs",
  },
  contradictions: ({ deadlineMs, minAttemptMs }) => {
    if (deadlineMs === undefined) return required("deadline.deadlineMs", deadlineMs);
    return minAttemptMs !== undefined && minAttemptMs > deadlineMs
      ? [
          {
            path: "deadline.minAttemptMs",
            expected: `at most deadlineMs (${deadlineMs})`,
            received: String(minAttemptMs),
          },
        ]
      : [];
  },
};

function required(
  path: string,
  value: unknown,
): { path: string; expected: string; received: string }[] {
  return value === undefined
    ? [
        {
          path,
          expected: "a duration: milliseconds, or a text such as '2s'",
          received: "undefined",
        },
      ]
    : [];
}

/** A time limit for each attempt. Make it with `timeout`. */
export class Timeout extends Part {
  readonly kind = "timeout";
  readonly rules: { readonly attemptTimeoutMs: number };
  /** @internal */
  readonly given: TimeoutOptions;

  constructor(options: Duration | TimeoutOptions) {
    super();
    this.given = typeof options === "object" ? options : { attemptTimeoutMs: options };
    this.rules = parseOptions(timeoutSchema, this.given) as { readonly attemptTimeoutMs: number };
  }

  describe(): string {
    return `each attempt ${formatDuration(this.rules.attemptTimeoutMs)}`;
  }
}

/** A time limit for the whole call. Make it with `deadline`. */
export class Deadline extends Part {
  readonly kind = "deadline";
  readonly rules: {
    readonly deadlineMs: number;
    readonly minAttemptMs: number;
    readonly propagate: boolean;
  };
  /** @internal */
  readonly given: DeadlineOptions;

  constructor(options: Duration | DeadlineOptions) {
    super();
    this.given = typeof options === "object" ? options : { deadlineMs: options };
    const {
      deadlineMs = 0,
      minAttemptMs,
      propagate = PROPAGATES_BY_DEFAULT,
    } = parseOptions(deadlineSchema, this.given);
    this.rules = {
      deadlineMs,
      minAttemptMs: minAttemptMs ?? Math.min(SHORTEST_ATTEMPT_MS, deadlineMs),
      propagate,
    };
  }

  describe(): string {
    const { deadlineMs, minAttemptMs } = this.rules;
    return `the whole call ${formatDuration(deadlineMs)}; no attempt with less than ${formatDuration(minAttemptMs)} left`;
  }
}

/**
 * A limit for each attempt, counted from when it really began. When it is over, the attempt fails with
 * `ERR_ATTEMPT_TIMEOUT` and its signal is aborted; work that goes on all the same keeps its bulkhead permit.
 *
 * It never fires early. Times are kept to 10 ms, so it fires up to about 30 ms late.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC`.
 * @example
 * resilient(breaker, budget, timeout("2s"));
 */
export function timeout(limit: Duration | TimeoutOptions): Timeout {
  return new Timeout(limit);
}

/**
 * A limit for the whole call. No attempt begins that could not end in time, so a call with little time left fails at
 * once instead of failing late.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC`.
 * @example
 * resilient(breaker, budget, timeout("2s"), deadline("5s"));
 */
export function deadline(limit: Duration | DeadlineOptions): Deadline {
  return new Deadline(limit);
}
