import type { FallbackFunction, FallbackPlan } from "../engine/fallback.js";
import { invalidSpec, issueOf, parseOptions, type Parsed, type Schema, someOf } from "./options.js";
import { Part } from "./part.js";

/** What a fallback may stand in for. */
const FAILURES = ["refused", "transient", "timeout", "throttled", "permanent", "ignored"] as const;

export interface FallbackOptions {
  /** The verdicts that it answers for. Default: refused, transient, timeout, throttled. */
  readonly on?: readonly (typeof FAILURES)[number][];
}

const fields = {
  on: someOf(FAILURES, ["refused", "transient", "timeout", "throttled"], {
    meaning: "the verdicts that it answers for",
  }),
} as const;

export const fallbackSchema: Schema<typeof fields> = {
  title: "fallback",
  fields,
  peerNames: { handle: () => "on", exceptions: () => "on" },
};

/** Answers in place of a call that has failed. Make it with `fallback`. */
export class Fallback extends Part {
  readonly kind = "fallback";
  readonly rules: FallbackPlan;
  /** @internal */
  readonly given: FallbackOptions & { readonly answer: FallbackFunction | string };

  constructor(answer: FallbackFunction | string, options: FallbackOptions) {
    super();
    if (typeof answer !== "function" && (typeof answer !== "string" || answer === ""))
      throw invalidSpec([issueOf("fallback", "a function, or the name of a method", answer)]);
    const { on }: Parsed<typeof fields> = parseOptions(fallbackSchema, options);
    this.given = { ...options, answer };
    this.rules = { answer, on: new Set(on) };
  }

  describe(): string {
    const { answer, on } = this.rules;
    const what = typeof answer === "string" ? `the method ${answer} answers` : "a function answers";
    return `${what} for calls that end as ${[...on].join(", ")}`;
  }
}

/**
 * Answers in place of a call that has failed, after all retries: a stale copy, an empty list, another source.
 *
 * It is called as `answer.call(this, error, ...args)`, or as the method of that name; the first gets no arguments where
 * the task took the call object. What it returns the caller gets; what it throws, too. The caller's own abort is not
 * answered for.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC`.
 * @example
 * resilient(breaker, budget, fallback((error, base: string) => lastKnown(base)));
 * \@Resilient(breaker, budget, fallback("latestFromCache"))
 */
export function fallback(
  answer: FallbackFunction | string,
  options: FallbackOptions = {},
): Fallback {
  return new Fallback(answer, options);
}
