import type { Issue } from "../../errors/errors.js";
import type { BulkheadOptions } from "../../parts/bulkhead.js";
import type { CircuitBreakerOptions } from "../../parts/circuit-breaker-options.js";
import type { ClassifyOptions } from "../../parts/classify.js";
import type { FallbackOptions } from "../../parts/fallback.js";
import type { FallbackFunction } from "../../engine/fallback.js";
import { checkOptions, isPlainObject, issueOf } from "../../parts/options.js";
import { PART_KINDS, type PartKind } from "../../parts/part.js";
import type { RateLimitOptions } from "../../parts/rate-limit.js";
import type { RetryOptions } from "../../parts/retry.js";
import type { RetryBudgetOptions } from "../../parts/retry-budget.js";
import type { DeadlineOptions, TimeoutOptions } from "../../parts/time-limits.js";
import type { Duration } from "../../time/duration.js";
import { type PolicyOptions, policySchema } from "../policy-options.js";
import { KINDS } from "./kinds.js";
import { type Fields, fieldsOf, type Section, type Settings, type Source } from "./settings.js";

type OptionsOnly = Omit<PolicyOptions, PartKind | "name" | "execute">;

/**
 * A policy as plain data: the options of its parts by kind, and its own beside them. `null` means that there is none of
 * that kind.
 */
export interface PolicySpec extends OptionsOnly {
  readonly fallback?: (FallbackOptions & { readonly answer?: FallbackFunction | string }) | null;
  readonly deadline?: Duration | DeadlineOptions | null;
  readonly retry?: RetryOptions | null;
  readonly budget?: RetryBudgetOptions | null;
  readonly breaker?: CircuitBreakerOptions | null;
  readonly rateLimit?: RateLimitOptions | null;
  readonly bulkhead?: BulkheadOptions | null;
  readonly timeout?: Duration | TimeoutOptions | null;
  readonly classify?: ClassifyOptions | null;
}

/** Some of a spec: what is not in it stays as it is. */
export type PolicyPatch = {
  readonly [N in keyof PolicySpec]?: Extract<PolicySpec[N], object> extends never
    ? PolicySpec[N]
    : Partial<Extract<PolicySpec[N], object>> | Exclude<PolicySpec[N], object>;
};

const OPTION_NAMES = Object.keys(policySchema.fields).filter(
  (name) => name !== "name" && !(PART_KINDS as readonly string[]).includes(name),
);

/** A spec, field by field: unknown names and wrong values. What only shows as a whole is found when it is used. */
export function checkSpec(at: string, spec: unknown): readonly Issue[] {
  if (!isPlainObject(spec)) return [issueOf(at, "an object with options", spec)];
  return Object.entries(spec).flatMap(([name, value]) => {
    if (isKind(name)) return value === null ? [] : checkSection(at, name, value);
    return checkOption(at, name, value);
  });
}

export function isKind(name: string): name is PartKind {
  return (PART_KINDS as readonly string[]).includes(name);
}

function checkOption(at: string, name: string, value: unknown): readonly Issue[] {
  const path = `${at}.${name}`;
  if (!OPTION_NAMES.includes(name)) {
    const ours = Object.hasOwn(policySchema.peerNames, name)
      ? policySchema.peerNames[name]?.(value)
      : undefined;
    const hint = ours === undefined ? undefined : `Here that is ${ours}`;
    return [issueOf(path, `one of ${[...PART_KINDS, ...OPTION_NAMES].join(", ")}`, value, hint)];
  }
  return checkOptions(policySchema, { [name]: value }).issues.map((issue) => ({ ...issue, path }));
}

/** Each field by itself, so that none hides another and a patch need not be complete. */
export function checkSection(at: string, kind: PartKind, value: unknown): readonly Issue[] {
  const { schema } = KINDS[kind];
  const { contradictions: _contradictions, ...fieldsOnly } = schema;
  const options = unabbreviated(kind, value);
  if (!isPlainObject(options))
    return [issueOf(`${at}.${kind}`, `the options of ${schema.title}`, value)];
  const { answer: _answer, ...rest } = options;
  const checked = kind === "fallback" ? rest : options;
  return checkOptions({ ...fieldsOnly, title: `${at}.${kind}` }, checked).issues;
}

/** `timeout: '2s'` is `timeout: { attemptTimeoutMs: '2s' }`. */
function unabbreviated(kind: PartKind, value: unknown): unknown {
  const { plain } = KINDS[kind];
  const isPlain = typeof value === "string" || typeof value === "number";
  return plain !== undefined && isPlain ? { [plain]: value } : value;
}

/** What a checked spec says. As a whole, its sections say all there is to say of their kinds. */
export function saidBy(spec: PolicySpec | PolicyPatch, source: Source, isWhole: boolean): Settings {
  const parts: Record<string, Section | null> = {};
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(spec)) {
    if (!isKind(name)) options[name] = value;
    else if (value === null) parts[name] = null;
    else if (value !== undefined) {
      const fields: Fields = fieldsOf(unabbreviated(name, value) as object, source);
      parts[name] = { source, fields, isWhole };
    }
  }
  return { parts, options: fieldsOf(options, source) };
}
