/** What came of one attempt. */
export interface RequestAttempt {
  /** Counted from 1. */
  readonly attempt: number;
  /** How long it took. */
  readonly durationMs: number;
  /** Of the response, where there was one. */
  readonly status?: number;
  /** Of the error, where it failed. */
  readonly code?: string;
}

/** What came of the attempts of a request: on `response.config.resilience.report`, and so on errors. */
export interface RequestReport {
  /** The name of the policy. */
  readonly policy: string;
  /** What chose the circuit: the host, if nothing else was asked for. */
  readonly key: string | undefined;
  /** Those that have ended. */
  readonly attempts: readonly RequestAttempt[];
}
