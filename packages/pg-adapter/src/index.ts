/** Resilience for pg pools. */
export { type PoolResilience, resilienceOf, wrapPool } from "./wrap/wrap-pool.js";
export type { PgPart, PoolOptions } from "./options/pool-options.js";
export type { QueryResilience } from "./options/query-options.js";
export { PoolExhaustedError } from "./errors/pool-exhausted.js";
export { withResilience } from "./wrap/with-resilience.js";
export {
  CommitUnknownError,
  TransactionError,
  type TransactionErrorCode,
} from "./transaction/errors.js";
export type { Isolation, TransactionOptions } from "./transaction/options.js";
export type { TransactionFunction } from "./transaction/transaction.js";
export { withTransaction } from "./transaction/with-transaction.js";
export { DeadLetterTableError } from "./dead-letters/errors.js";
export type { TableDeadLettersOptions } from "./dead-letters/options.js";
export { deadLettersTableSql } from "./dead-letters/sql.js";
export { tableDeadLetters } from "./dead-letters/table-dead-letters.js";
export type { LockSource } from "./lock/connection.js";
export type { PgLockOptions } from "./lock/options.js";
export { LockLostError, PgLock, pgLock } from "./lock/pg-lock.js";
