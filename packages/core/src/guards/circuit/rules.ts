/** The options of a circuit breaker, complete. A rule that is not given is `Infinity`: it never fires. */
export interface CircuitRules {
  readonly consecutiveFailures: number;
  readonly failureRatio: number;
  readonly slowCallMs: number;
  readonly slowCallRatio: number;
  readonly timeoutRatio: number;
  /** Undefined when no rule needs one. */
  readonly window: { readonly ms: number } | { readonly count: number } | undefined;
  readonly minimumCalls: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
  readonly probes: number;
  readonly probeSuccessRatio: number;
  /** Undefined: the attempt's timeout, else the longest of the open time, 60 s and twice the longest success seen. */
  readonly probeMs: number | undefined;
}
