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

/** Whose calls are protected, while it is being tried out. */
export interface CanaryOptions {
  /** 0..1: the share that is protected. */
  readonly ratio: number;
  /** Default `'process'`. */
  readonly by?: "process" | "key";
  /** Policies with the same salt take the same processes, and the same keys. Default: the policy's name. */
  readonly salt?: string;
}

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
   * `'shadow'`: every call goes through as if there were no policy, once; what the policy would have done is counted,
   * and shown by `health()`. `'off'`: nothing is done, and nothing is counted. The environment wins over this:
   * `BREAKWATER_MODE_CRM=off` for the policy `crm`, `BREAKWATER_MODE=off` for all, read when the policy is made.
   * Default `'enforce'`.
   */
  readonly mode?: "enforce" | "shadow" | "off";
  /**
   * Protects only a share of the calls, always the same ones; the others are in shadow. `by: 'process'` takes whole
   * processes: by `BREAKWATER_INSTANCE`, else by host, worker and thread, so that a restart changes nothing. `by: 'key'`
   * takes calls by their key. A larger ratio only adds to those that are protected. `policy.compare()` shows both.
   * Default: none, all calls are protected.
   */
  readonly canary?: CanaryOptions;
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

const canaryText = "an object with ratio (0..1), and perhaps by ('process' or 'key') and salt";
const ratioText = "a ratio from 0 to 1 (not a percentage)";
const canarySchema = v.strictObject(
  {
    ratio: v.pipe(v.number(ratioText), v.minValue(0, ratioText), v.maxValue(1, ratioText)),
    by: v.optional(v.picklist(["process", "key"], "'process' or 'key'"), "process"),
    salt: v.optional(v.string("a text")),
  },
  canaryText,
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
  mode: either(fieldOf(v.picklist(MODES, "'enforce', 'shadow' or 'off'")), {
    type: "name",
    bounds: MODES.join(", "),
    default: "enforce",
    meaning:
      "shadow: every call goes through, and what would have been done is counted; off: nothing is done",
  }),
  canary: either(fieldOf(canarySchema), {
    type: "{ ratio, by, salt }",
    bounds: "ratio 0..1; by: process, key",
    default: "none: all calls are protected",
    meaning:
      "the share of processes, or of keys, whose calls are protected; the others are in shadow",
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
