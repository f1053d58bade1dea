import type { ErrorCode } from "../errors/errors.js";
import type { ErrorSummary } from "../errors/summary.js";
import type { Judgement } from "../verdicts/verdict.js";

/** May refuse an attempt, and learns from its outcome. Synchronous; runs nothing; never writes to the call. */
export interface Guard {
  enter(entrant: Entrant): Answer;
  /** Is it certain, now, that an attempt at `atMs` would be refused? */
  wouldRefuse(atMs: number): boolean;
  /** How many attempts it would let in now, without a wait. `Infinity` where it sets no bound. */
  slots(): number;
  /** How long it certainly lets nobody in; 0 where that depends on the attempts that run. */
  waitMs(): number;
}

/** What a guard says to who asks: yes, no, or not yet. */
export type Answer = Pass | Refusal | Waiter;

/** What a guard may know of the attempt that asks. */
export interface Entrant {
  readonly attemptTimeoutMs: number | undefined;
  /** How long it may wait for its turn, at most; 0 if it must not. */
  readonly mostWaitMs: number;
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
  /** The attempt tries out a dependency that has failed: others wait for its answer, so it must not queue. */
  get isProbe(): boolean {
    return false;
  }
  /** The outcome of the attempt is known. */
  abstract exit(judgement: Judgement, error?: unknown): void;
  /** The outcome is known and the work goes on: what stays behind, to be exited when the work ends. */
  outlive(judgement: Judgement, error: unknown): Pass | undefined {
    this.exit(judgement, error);
    return undefined;
  }
  /** A call begins inside the attempt that holds this: what the attempt holds from now on instead, and may lend. */
  toLend(): Loan | undefined {
    return undefined;
  }
}

/** A pass that other attempts may run under, too: those of calls inside the attempt that holds it, or its own retry. */
export abstract class Loan extends Pass {
  /** Who gave it. */
  abstract readonly guard: Guard;
  /** Answers in place of the guard. */
  abstract lend(entrant: Entrant): Answer;

  override get once(): boolean {
    return true;
  }

  override toLend(): Loan {
    return this;
  }
}

/** The answer no. The open state of a circuit is one. */
export abstract class Refusal {
  abstract readonly code: ErrorCode;
  /** The guard that refused. */
  abstract readonly guard: string;
  /** Undefined where nobody knows. */
  abstract retryAfterMs(): number | undefined;
  /** What happened and what to do, for the error's message. */
  abstract describe(): string;
  /** What led to it: of the attempt that tripped a circuit, whoever's it was. */
  cause(): ErrorSummary | undefined {
    return undefined;
  }
}

/** The answer not yet: a place in a queue. It ends once, with an answer or by being given up. */
export abstract class Waiter {
  /** Set by who waits, at once. Called in a turn of its own, never from within what made the answer. */
  ready: (answer: Pass | Refusal) => void = () => {};
  /** Whoever waits does so no longer. */
  abstract giveUp(): void;
}
