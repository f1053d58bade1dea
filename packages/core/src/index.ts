import "./time/system-clock.js";

export { type Call, type CallOptions, currentCall, runningCall, withCall } from "./call/call.js";
export { verdictOfStatus } from "./classify/known-errors.js";
export { retryAfterMsOf } from "./classify/retry-after.js";
export { Resilient, type ResilientDecorator } from "./decorator/resilient.js";
export { describeResilience, type DescribedMethod, protect } from "./decorator/protect.js";
export type { DeadLetterRecord } from "./engine/dead-letters/record.js";
export type { DeadLetterSink } from "./engine/dead-letters/outbox.js";
export { type AttemptReport, type CallReport, explainError } from "./engine/report.js";
export { BreakwaterError, type ErrorCode, isRefusal, type Issue } from "./errors/errors.js";
export type { ErrorSummary } from "./errors/summary.js";
export type {
  EventDetails,
  EventOf,
  EventType,
  OverrideDetails,
  OverrideVerb,
  ResilienceEvent,
  Severity,
  StoppedBy,
  TripReason,
  ValueChange,
} from "./events/catalog.js";
export type { Watchable } from "./events/listeners.js";
export { logEvents, type LogEventsOptions } from "./logging/log-events.js";
export type { Logger, LogLine } from "./logging/log-line.js";
export { badInput } from "./parts/bad-input.js";
export { type Bulkhead, bulkhead, type BulkheadOptions } from "./parts/bulkhead.js";
export { type CircuitBreaker, circuitBreaker, type CircuitState } from "./parts/circuit-breaker.js";
export type { CircuitBreakerOptions } from "./parts/circuit-breaker-options.js";
export { type DeadLetter, deadLetter, type DeadLetterOptions } from "./parts/dead-letter.js";
export type { FallbackFunction } from "./engine/fallback.js";
export { type Fallback, fallback, type FallbackOptions } from "./parts/fallback.js";
export { isPlainObject } from "./parts/options.js";
export { type RateLimit, rateLimit, type RateLimitOptions } from "./parts/rate-limit.js";
export type { DrainReport } from "./engine/drain.js";
export { type Classify, classify, type ClassifyOptions } from "./parts/classify.js";
export { type Retry, retry, type RetryOptions } from "./parts/retry.js";
export { type RetryBudget, retryBudget, type RetryBudgetOptions } from "./parts/retry-budget.js";
export {
  type Deadline,
  deadline,
  type DeadlineOptions,
  type Timeout,
  timeout,
  type TimeoutOptions,
} from "./parts/time-limits.js";
export type { PolicyPart } from "./policy/assemble.js";
export { type Checkup, type CheckupAnswer, checkup, type PolicyCheckup } from "./policy/checkup.js";
export type { CohortReport, Comparison, WouldHaveDone } from "./policy/cohorts/compare.js";
export type {
  ExplainedPart,
  ExplainedValue,
  ExplainedValues,
  Explanation,
} from "./policy/explanation.js";
export type { BreakerHealth, BudgetHealth, BulkheadHealth, PolicyHealth } from "./policy/health.js";
export { reportEvent, summaryOf, tellOfDrain } from "./policy/report.js";
export { mapCalls, type MapCallsOptions, type MapResult } from "./policy/map-calls.js";
export type { AsyncFunction, Policy } from "./policy/policy.js";
export type { CanaryOptions, PolicyOptions } from "./policy/policy-options.js";
export type { PolicyChange } from "./policy/settings/history.js";
export type { TuneReason } from "./policy/settings/reason.js";
export type { Source } from "./policy/settings/settings.js";
export type { PolicyPatch, PolicySpec } from "./policy/settings/spec.js";
export {
  definePolicy,
  policyNamed,
  type Registry,
  registry,
  type RegistryHealth,
  resilient,
} from "./policy/registry.js";
export type { AuditEntry, AuditSink } from "./policy/overrides/audit.js";
export type { Authorize } from "./policy/overrides/authority.js";
export type { OverrideHandle } from "./policy/overrides/operate.js";
export type { Override } from "./policy/overrides/override.js";
export type { OverrideRequest } from "./policy/overrides/request.js";
export type { RegistrySnapshot, RestoreReport } from "./policy/registry-snapshot.js";
export type { PolicySnapshot } from "./policy/snapshot.js";
export type { Jitter } from "./retry/backoff.js";
export { type Duration, parseDuration } from "./time/duration.js";
export { Lane, laneOf, type Wait } from "./time/lane.js";
export type { OutcomeRules, Said } from "./verdicts/said.js";
export type { VerdictName } from "./verdicts/verdict.js";
