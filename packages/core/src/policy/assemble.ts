import { BreakwaterError, type Issue } from "../errors/errors.js";
import type { Bulkhead } from "../parts/bulkhead.js";
import type { CircuitBreaker } from "../parts/circuit-breaker.js";
import { circuitBreaker } from "../parts/circuit-breaker.js";
import type { Classify } from "../parts/classify.js";
import { checkOptions, invalidSpec, isPlainObject, issueOf } from "../parts/options.js";
import { Part, PART_KINDS, type PartKind } from "../parts/part.js";
import type { DeadLetter } from "../parts/dead-letter.js";
import type { Fallback } from "../parts/fallback.js";
import type { RateLimit } from "../parts/rate-limit.js";
import { type Retry, retry } from "../parts/retry.js";
import { type RetryBudget, retryBudget } from "../parts/retry-budget.js";
import type { Deadline, Timeout } from "../parts/time-limits.js";
import { type ParsedPolicyOptions, type PolicyOptions, policySchema } from "./policy-options.js";

/** What a policy is made of: parts in any order, and at most one plain object of options. */
export type PolicyPart =
  | CircuitBreaker
  | RetryBudget
  | Retry
  | Timeout
  | Deadline
  | RateLimit
  | Bulkhead
  | Fallback
  | DeadLetter
  | Classify
  | PolicyOptions;

/** One part of each kind, at most. */
export interface Parts {
  fallback?: Fallback;
  deadLetter?: DeadLetter;
  deadline?: Deadline;
  retry?: Retry;
  budget?: RetryBudget;
  breaker?: CircuitBreaker;
  rateLimit?: RateLimit;
  bulkhead?: Bulkhead;
  timeout?: Timeout;
  classify?: Classify;
}

export interface Assembly {
  readonly parts: Parts;
  /** Nobody gave any part: the recommended ones are meant. */
  readonly isBare: boolean;
  readonly options: ParsedPolicyOptions;
}

/**
 * Sorts what was given, and finds all that is wrong with it.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem.
 */
export function assemble(given: readonly unknown[]): Assembly {
  const issues: Issue[] = [];
  const parts: Parts = {};
  const optionObjects: Record<string, unknown>[] = [];
  for (const [index, item] of given.entries()) {
    if (item instanceof Part) issues.push(...addPart(parts, item));
    else if (isPlainObject(item)) optionObjects.push(item);
    else issues.push(notAPart(index, item));
  }
  if (optionObjects.length > 1)
    issues.push(
      issueOf("policy", "one object of options", optionObjects, "Put all options into one object"),
    );
  const [first = {}, ...others] = optionObjects;
  const { options, issues: wrong } = checkOptions(policySchema, first);
  issues.push(...wrong, ...others.flatMap((other) => checkOptions(policySchema, other).issues));
  issues.push(...contradictions(parts));
  if (issues.length > 0 || options === undefined) throw invalidSpec(issues);
  return { parts, options, isBare: Object.keys(parts).length === 0 };
}

function addPart(parts: Parts, part: Part): Issue[] {
  if (parts[part.kind] !== undefined)
    return [
      issueOf(
        "policy",
        `one ${part.kind}`,
        `two of kind ${part.kind}`,
        "Nest two policies to have two of a kind",
      ),
    ];
  Object.assign(parts, { [part.kind]: part });
  return [];
}

function notAPart(index: number, item: unknown): Issue {
  const hint =
    typeof item === "string"
      ? "The name of a policy stands alone; give a new one its name with { name }"
      : typeof item === "function"
        ? "A decorator needs its parentheses: @Resilient()"
        : undefined;
  return issueOf(
    `policy[${index}]`,
    "a part such as circuitBreaker(), or an object of options",
    item,
    hint,
  );
}

function contradictions({ timeout, deadline }: Parts): Issue[] {
  if (timeout === undefined || deadline === undefined) return [];
  const { attemptTimeoutMs } = timeout.rules;
  const { deadlineMs } = deadline.rules;
  if (attemptTimeoutMs < deadlineMs) return [];
  return [
    issueOf("timeout.attemptTimeoutMs", `less than deadlineMs (${deadlineMs})`, attemptTimeoutMs),
  ];
}

/** The inner one wins, kind by kind and option by option; `null` takes a kind away. */
export function overlay(outer: Assembly, inner: Assembly): Assembly {
  const parts: Parts = { ...outer.parts, ...inner.parts };
  for (const kind of removedKinds(inner.options)) delete parts[kind];
  const issues = contradictions(parts);
  if (issues.length > 0) throw invalidSpec(issues);
  const given = Object.fromEntries(Object.keys(inner.parts).map((kind) => [kind, undefined]));
  return {
    parts,
    options: { ...outer.options, ...given, ...definedOf(inner.options) },
    isBare: false,
  };
}

function definedOf(options: ParsedPolicyOptions): Partial<ParsedPolicyOptions> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function removedKinds(options: ParsedPolicyOptions): PartKind[] {
  return PART_KINDS.filter((kind) => options[kind] === null);
}

/**
 * What the given parts imply. Without any part: breaker, budget and retries. A budget without a retry means the default
 * retries; retries without a budget get one of their own, as nothing here repeats without a bound.
 */
export function complete({ parts, options, isBare }: Assembly): Parts {
  const removed = new Set(removedKinds(options));
  const completed = isBare ? recommended() : { ...parts };
  for (const kind of removed) delete completed[kind];
  if (completed.budget !== undefined && !removed.has("retry")) completed.retry ??= retry();
  if ((completed.retry?.rules.maxAttempts ?? 1) > 1 && !removed.has("budget"))
    completed.budget ??= retryBudget();
  return completed;
}

/** What somebody gets who asks for nothing in particular. */
export function recommended(): Parts {
  return { breaker: circuitBreaker(), budget: retryBudget(), retry: retry() };
}

/** The error for a name that nobody has defined. */
export function unknownPolicy(name: string, known: readonly string[]): BreakwaterError {
  const defined = known.length === 0 ? "none is defined yet" : `defined are ${known.join(", ")}`;
  const message = `No policy is named ${JSON.stringify(name)}; ${defined}. Define it with definePolicy(${JSON.stringify(name)}, …).`;
  return new BreakwaterError("ERR_UNKNOWN_POLICY", message, { policy: name });
}
