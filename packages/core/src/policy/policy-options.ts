import * as v from "valibot";
import {
  either,
  type Field,
  fieldOf,
  flag,
  fn,
  type Parsed,
  type Schema,
  text,
} from "../parts/options.js";
import { PART_KINDS } from "../parts/part.js";
import { MODES } from "./mode.js";

/** What a policy may be told beside its parts. */
export interface PolicyOptions {
  /** For errors, events and metrics. Default: `Class.method` for a decorated method, else `anonymous-1`. */
  readonly name?: string;
  /**
   * Chooses the circuit and the credit of a call from its `this` and its arguments: one circuit per host, tenant or
   * shard. At most 256 characters. For `execute`, only `this` is given, and it is undefined: pass `{ key }` per call.
   */
  readonly key?: (self: never, ...args: never[]) => string;
  /**
   * Whether a call may be repeated that may have been processed; or a function of its arguments that says so.
   * `false`: retried only where nothing was sent. Default: not declared, and retried as its parts say.
   */
  readonly idempotent?: boolean | ((...args: never[]) => boolean);
  /**
   * `'off'`: every call goes through unprotected, as if there were no policy. The environment wins over this:
   * `BREAKWATER_MODE_CRM=off` for the policy `crm`, `BREAKWATER_MODE=off` for all, read when the policy is made.
   * Default `'enforce'`.
   */
  readonly mode?: "enforce" | "off";
  /**
   * `'instance'`: each object whose method is called has breaker, budget, rate limit and bulkhead of its own, made after
   * the given ones; methods that share a part share it there, too. For clients that are made per tenant or per host.
   * Default `'shared'`.
   */
  readonly scope?: "shared" | "instance";
  /** Lets `currentCall()` work after each `await`, at about 150 ns a call. Default false. */
  readonly context?: boolean;
  /** Gives refusals a stack trace, at ten times their cost. Default false. */
  readonly stackTraces?: boolean;
  /** What is called: shown by `explain()`. */
  readonly dependency?: string;
  /** Who answers for it: shown by `explain()`. */
  readonly owner?: string;
  /** Where to read what to do: shown by `explain()`. */
  readonly runbook?: string;
  /** A policy is no option, although it has a name. */
  readonly execute?: never;
  /** `null` takes away what the class has declared. */
  readonly fallback?: null;
  readonly deadLetter?: null;
  readonly deadline?: null;
  readonly retry?: null;
  readonly budget?: null;
  readonly breaker?: null;
  readonly rateLimit?: null;
  readonly bulkhead?: null;
  readonly timeout?: null;
  readonly classify?: null;
}

type AnyFunction = (...args: unknown[]) => unknown;

const isFunction = (value: unknown): boolean => typeof value === "function";
const idempotentSchema = v.custom<boolean | AnyFunction>(
  (value) => typeof value === "boolean" || isFunction(value),
  "true, false, or a function of the arguments",
);

const fields = {
  name: text({
    meaning: "for errors, events and metrics",
    default: "Class.method, else anonymous-1",
  }),
  key: fn<AnyFunction>({ meaning: "chooses the circuit and the credit of a call" }),
  idempotent: either(fieldOf(idempotentSchema), {
    type: "flag or function",
    bounds: "",
    default: "not declared",
    meaning: "whether a call may be repeated that may have been processed",
  }),
  mode: either(fieldOf(v.picklist(MODES, "'enforce' or 'off'")), {
    type: "name",
    bounds: MODES.join(", "),
    default: "enforce",
    meaning: "off: every call goes through unprotected",
  }),
  scope: either(fieldOf(v.picklist(["shared", "instance"], "'shared' or 'instance'")), {
    type: "name",
    bounds: "shared, instance",
    default: "shared",
    meaning: "whether all objects share the state of the parts, or each has its own",
  }),
  context: flag(undefined, {
    meaning: "lets currentCall() work after each await",
    default: "false",
  }),
  stackTraces: flag(undefined, { meaning: "gives refusals a stack trace", default: "false" }),
  dependency: text({ meaning: "what is called; shown by explain()" }),
  owner: text({ meaning: "who answers for it; shown by explain()" }),
  runbook: text({ meaning: "where to read what to do; shown by explain()" }),
} as const;

const removal = Object.fromEntries(
  PART_KINDS.map((kind) => [
    kind,
    either(
      fieldOf(v.null(`null, which takes the ${kind} of the class away; pass a part by itself`)),
      {
        type: "null",
        bounds: "",
        default: "none",
        meaning: `takes the ${kind} of the class away`,
      },
    ),
  ]),
) as { [K in (typeof PART_KINDS)[number]]: Field<null | undefined> };

const allFields = { ...fields, ...removal };

export type ParsedPolicyOptions = Parsed<typeof allFields>;

const asPart = (part: string) => (): string => `a part by itself: ${part}`;

export const policySchema: Schema<typeof allFields> = {
  title: "policy",
  fields: allFields,
  peerNames: {
    retries: asPart("retry({ maxAttempts })"),
    maxAttempts: asPart("retry({ maxAttempts })"),
    maxRetries: asPart("retry({ maxAttempts })"),
    circuitBreaker: asPart("circuitBreaker()"),
    retryBudget: asPart("retryBudget()"),
    ratio: asPart("retryBudget({ ratio })"),
    attemptTimeoutMs: asPart("timeout('2s')"),
    deadlineMs: asPart("deadline('5s')"),
    limit: asPart("bulkhead({ limit })"),
    fallbackMethod: asPart("fallback('method')"),
    resetTimeout: asPart("circuitBreaker({ openMs })"),
    errorThresholdPercentage: asPart("circuitBreaker({ failureRatio })"),
  },
};
