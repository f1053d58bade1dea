import { BreakwaterError } from "../errors/errors.js";
import { Readable } from "../errors/readable.js";
import type { ErrorSummary } from "../errors/summary.js";
import type { StoppedBy } from "../events/catalog.js";
import { formatDuration } from "../time/duration.js";
import type { VerdictName } from "../verdicts/verdict.js";

/** One attempt that did not succeed. */
export interface AttemptReport {
  /** Counted from 1. */
  readonly attempt: number;
  readonly verdict: VerdictName;
  /** Whether a rule knew the error; otherwise the verdict is the classifier's `unknown`. */
  readonly known: boolean;
  readonly error: ErrorSummary;
  /** The wait before the next attempt; undefined when there was none. */
  readonly delayMs?: number;
}

/** How a call came to its end. Prints as a text; `JSON.stringify` gives the data. */
export class CallReport extends Readable {
  readonly policy: string;
  readonly key?: string;
  readonly attempts: readonly AttemptReport[];
  readonly stoppedBy: StoppedBy;

  constructor(
    policy: string,
    key: string | undefined,
    attempts: readonly AttemptReport[],
    stoppedBy: StoppedBy,
  ) {
    super();
    this.policy = policy;
    if (key !== undefined) this.key = key;
    this.attempts = attempts;
    this.stoppedBy = stoppedBy;
  }

  toString(): string {
    const { length } = this.attempts;
    const of =
      this.key === undefined ? this.policy : `${this.policy} at ${JSON.stringify(this.key)}`;
    const ran =
      length === 0 ? "the task did not run" : length === 1 ? "1 attempt" : `${length} attempts`;
    return [`${of}: ${ran}, ${STOPPED[this.stoppedBy]}`, ...this.attempts.map(line)].join("\n");
  }
}

/** What each ending means, for reports and docs. */
export const STOPPED: { readonly [S in StoppedBy]: string } = {
  attempts: "stopped because no attempt was left",
  budget: "stopped because the retry budget was spent",
  deadline: "stopped because the deadline left no time",
  permanent: "stopped because repeating it cannot help",
  ignored: "stopped because the error is no failure of the dependency",
  refused: "stopped because a guard refused, or was sure to refuse, the next attempt",
  aborted: "stopped because the caller gave up",
  nested: "stopped because a policy inside had already given up on it",
  unsafe: "stopped because it may have been processed and is not idempotent",
  drained: "stopped because the policy was drained",
  hint: "stopped because the dependency asked for a longer wait than maxRetryAfterMs",
};

function line({ attempt, verdict, known, error, delayMs }: AttemptReport): string {
  const what = error.code === undefined ? error.name : `${error.name} ${error.code}`;
  const wait = delayMs === undefined ? "" : `; next attempt after ${formatDuration(delayMs)}`;
  return `  ${attempt}. ${verdict}${known ? "" : " (unknown error)"}: ${what}: ${error.message.replace(/\.$/, "")}${wait}`;
}

/** Makes the report when it is asked for. */
interface Source {
  report(error: unknown): CallReport;
}

const sources = new WeakMap<object, Source>();

export function keepReport(thrown: unknown, source: Source): void {
  if (typeof thrown === "object" && thrown !== null) sources.set(thrown, source);
}

/**
 * How the latest call that threw this error came to its end: its attempts, their verdicts, the waits between, and what
 * stopped it. Undefined for an error that no policy has seen, and for thrown values that are no objects.
 *
 * @example
 * try {
 *   await rates.latest("EUR");
 * } catch (error) {
 *   console.error(String(explainError(error)));
 *   // Rates.latest: 3 attempts, stopped because no attempt was left
 *   //   1. transient: Error ECONNRESET: read ECONNRESET; next attempt after 140 ms
 *   //   ...
 *   throw error;
 * }
 */
export function explainError(error: unknown): CallReport | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  return sources.get(error)?.report(error) ?? reportOfRefusal(error);
}

/** Did this policy itself say no, and nothing has run? A refusal by a policy inside is what its attempt ended with. */
export function isRefusalBy(policy: string, error: unknown): boolean {
  if (!(error instanceof BreakwaterError) || !error.isRefusal) return false;
  return error.policy === policy && explainError(error)?.attempts.length === 0;
}

/** A refusal says itself all there is to say: keeping a report of each would cost as much as the refusal. */
function reportOfRefusal(error: object): CallReport | undefined {
  if (!(error instanceof BreakwaterError) || !error.isRefusal || error.policy === undefined)
    return undefined;
  return new CallReport(error.policy, error.key, [], "refused");
}
