import type { FallbackFunction } from "../../engine/fallback.js";
import type { Issue } from "../../errors/errors.js";
import { bulkhead, type BulkheadOptions, bulkheadSchema } from "../../parts/bulkhead.js";
import { circuitBreaker } from "../../parts/circuit-breaker.js";
import { circuitBreakerSchema } from "../../parts/circuit-breaker-options.js";
import { classify, classifySchema } from "../../parts/classify.js";
import { deadLetter, deadLetterSchema } from "../../parts/dead-letter.js";
import { fallback, fallbackSchema } from "../../parts/fallback.js";
import { checkOptions, type Fields, issueOf, type Schema } from "../../parts/options.js";
import type { Part, PartKind } from "../../parts/part.js";
import { rateLimit, type RateLimitOptions, rateLimitSchema } from "../../parts/rate-limit.js";
import { retry, retrySchema } from "../../parts/retry.js";
import { retryBudget, retryBudgetSchema } from "../../parts/retry-budget.js";
import {
  deadline,
  type DeadlineOptions,
  deadlineSchema,
  timeout,
  type TimeoutOptions,
  timeoutSchema,
} from "../../parts/time-limits.js";

/** What is known of a kind of part, for who makes parts from plain options. */
interface Kind {
  readonly schema: Schema<Fields>;
  /** Of options that have been checked. */
  readonly make: (options: never) => Part;
  /** The one option that stands for all where a plain value is given: `timeout: '2s'`. */
  readonly plain?: string;
}

/** Those with a state, which policies can share in a file. */
export const SHAREABLE: readonly PartKind[] = ["breaker", "budget", "rateLimit", "bulkhead"];

interface FallbackSpec {
  readonly answer: FallbackFunction | string;
}

/** A fallback from plain options: its answer is one of them. */
function makeFallback({ answer, ...options }: FallbackSpec): Part {
  return fallback(answer, options);
}

export const KINDS: { readonly [K in PartKind]: Kind } = {
  fallback: { schema: loosely(fallbackSchema), make: makeFallback },
  deadLetter: { schema: loosely(deadLetterSchema), make: deadLetter },
  deadline: {
    schema: loosely(deadlineSchema),
    make: (options: DeadlineOptions) => deadline(options),
    plain: "deadlineMs",
  },
  retry: { schema: loosely(retrySchema), make: retry },
  budget: { schema: loosely(retryBudgetSchema), make: retryBudget },
  breaker: { schema: loosely(circuitBreakerSchema), make: circuitBreaker },
  rateLimit: {
    schema: loosely(rateLimitSchema),
    make: (options: RateLimitOptions) => rateLimit(options),
  },
  bulkhead: {
    schema: loosely(bulkheadSchema),
    make: (options: BulkheadOptions) => bulkhead(options),
  },
  timeout: {
    schema: loosely(timeoutSchema),
    make: (options: TimeoutOptions) => timeout(options),
    plain: "attemptTimeoutMs",
  },
  classify: { schema: loosely(classifySchema), make: classify },
};

/** A schema whose contradictions are only ever asked of what it has parsed itself. */
function loosely<F extends Fields>(schema: Schema<F>): Schema<Fields> {
  return schema as unknown as Schema<Fields>;
}

interface Checked {
  /** Complete, with defaults; undefined if something is wrong. */
  readonly values: Readonly<Record<string, unknown>> | undefined;
  readonly issues: readonly Issue[];
}

/** Options of a kind, checked as a whole. Paths begin with the kind, as users write it in a spec. */
export function checkKind(kind: PartKind, options: Readonly<Record<string, unknown>>): Checked {
  if (kind === "fallback") return checkFallback(options);
  return checkAs(kind, options);
}

function checkAs(kind: PartKind, given: Readonly<Record<string, unknown>>): Checked {
  const { schema } = KINDS[kind];
  const { options, issues } = checkOptions(schema, given);
  return { values: options, issues: issues.map((issue) => renamed(issue, schema.title, kind)) };
}

function checkFallback({ answer, ...rest }: Readonly<Record<string, unknown>>): Checked {
  const { values, issues } = checkAs("fallback", rest);
  if (typeof answer === "function" || (typeof answer === "string" && answer !== ""))
    return { values: values && { ...values, answer }, issues };
  const missing = issueOf("fallback.answer", "a function, or the name of a method", answer);
  return { values: undefined, issues: [...issues, missing] };
}

function renamed(issue: Issue, title: string, kind: PartKind): Issue {
  const { path } = issue;
  const own = path === title || path.startsWith(`${title}.`);
  return own ? { ...issue, path: `${kind}${path.slice(title.length)}` } : issue;
}
