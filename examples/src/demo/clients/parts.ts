import { circuitBreaker, retryBudget } from "@breakwater/core";
import { COMPRESSION } from "../scenario.js";

/** The default, in the time of the screen. */
export const OPEN_MS = 15_000 / COMPRESSION;

export const breaker = circuitBreaker({ openMs: OPEN_MS, maxOpenMs: OPEN_MS });
export const budget = retryBudget({
  windowMs: 10_000 / COMPRESSION,
  reserveRefillMs: 30_000 / COMPRESSION,
});
