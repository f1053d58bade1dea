import type { Bulkhead } from "../parts/bulkhead.js";
import type { CircuitBreaker } from "../parts/circuit-breaker.js";
import type { RateLimit } from "../parts/rate-limit.js";
import type { RetryBudget } from "../parts/retry-budget.js";
import type { Parts } from "./assemble.js";

/** The parts with a state that policies may share. */
export function statefulOf({
  breaker,
  rateLimit,
  bulkhead,
  budget,
}: Parts): (CircuitBreaker | RateLimit | Bulkhead | RetryBudget)[] {
  return [breaker, rateLimit, bulkhead, budget].filter((part) => part !== undefined);
}
