/** Resilience for pg pools. */
export { type PoolResilience, resilienceOf, wrapPool } from "./install.js";
export type { PgPart, PoolOptions } from "./options/pool-options.js";
export type { QueryResilience } from "./options/query-options.js";
export { PoolExhaustedError } from "./pool/exhausted.js";
export { withResilience } from "./with-resilience.js";
