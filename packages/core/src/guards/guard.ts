import type { ErrorCode } from "../errors/errors.js";
import type { ErrorSummary } from "../errors/summary.js";
import type { Judgement } from "../verdicts/verdict.js";

/** May refuse an attempt, and learns from its outcome. Synchronous; runs nothing; never writes to the call. */
export interface Guard {
  enter(entrant: Entrant): Pass | Refusal;
  /** Is it certain, now, that an attempt at `atMs` would be refused? */
  wouldRefuse(atMs: number): boolean;
}

/** What a guard may know of the attempt that asks. */
export interface Entrant {
  readonly attemptTimeoutMs: number | undefined;
  /** Passes of earlier attempts of the same call whose work still runs. */
  readonly retained: readonly Pass[] | undefined;
}

/**
 * What an attempt runs under: the state of the guard that let it in. It is exited exactly once. As it is the state
 * itself, an old one cannot harm a new one: what it learns goes to a state that nobody asks any more.
 */
export abstract class Pass {
  /** Belongs to this attempt alone, so that it cannot be shared with the next one. */
  get once(): boolean {
    return false;
  }
  /** The outcome of the attempt is known. */
  abstract exit(judgement: Judgement, error?: unknown): void;
  /** The outcome is known and the work goes on: what stays behind, to be exited when the work ends. */
  outlive(judgement: Judgement, error: unknown): Pass | undefined {
    this.exit(judgement, error);
    return undefined;
  }
}

/** The answer no. The open state of a circuit is one. */
export abstract class Refusal {
  abstract readonly code: ErrorCode;
  /** The guard that refused. */
  abstract readonly guard: string;
  abstract retryAfterMs(): number;
  /** What happened and what to do, for the error's message. */
  abstract describe(): string;
  /** What led to it: of the attempt that tripped a circuit, whoever's it was. */
  cause(): ErrorSummary | undefined {
    return undefined;
  }
}
