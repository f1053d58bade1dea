import type { ClassifyRules } from "../classify/classifier.js";
import type { Said } from "../verdicts/said.js";
import { fn, oneOf, parseOptions, type Schema } from "./options.js";
import { Part } from "./part.js";

/** What the outcome of an attempt means. What these rules leave open is judged by the default ones. */
export interface ClassifyOptions {
  /** Judges what the task threw; `undefined` leaves it to the default rules. */
  readonly error?: (error: unknown) => Said;
  /** Judges what the task resolved with; `undefined` leaves it to the default rules. */
  readonly result?: (value: unknown) => Said;
  /** What an error is that no rule knows. Default `'transient'`. */
  readonly unknown?: "transient" | "permanent";
}

const fields = {
  error: fn<(error: unknown) => Said>({
    meaning: "judges what the task threw; undefined leaves it to the default rules",
  }),
  result: fn<(value: unknown) => Said>({ meaning: "judges what the task resolved with" }),
  unknown: oneOf(["transient", "permanent"], "transient", {
    meaning: "what an error is that no rule knows",
  }),
} as const;

export const classifySchema: Schema<typeof fields> = {
  title: "classify",
  fields,
  peerNames: {
    errorFilter: () => "error: (e) => 'ignored' for what is no failure",
    handle: () => "error",
    handleResult: () => "result",
    retryIf: () => "error",
    shouldRetry: () => "error",
  },
};

/** Rules for outcomes. Make them with `classify`. */
export class Classify extends Part {
  readonly kind = "classify";
  readonly rules: ClassifyRules;
  /** @internal */
  readonly given: ClassifyOptions;

  constructor(options: ClassifyOptions | ((error: unknown) => Said)) {
    super();
    this.given = typeof options === "function" ? { error: options } : options;
    this.rules = parseOptions(classifySchema, this.given) as ClassifyRules;
  }

  describe(): string {
    const own = [this.rules.error && "errors", this.rules.result && "results"].filter(
      (kind) => kind !== undefined,
    );
    const first = own.length === 0 ? "" : `own rules for ${own.join(" and ")} first; `;
    return `${first}an error that no rule knows is ${this.rules.unknown}`;
  }
}

/**
 * What the outcome of an attempt means, by error and by result, for breaker, budget and retry alike. A rule gives a
 * verdict (`'transient'`, `'permanent'`, `'ignored'`, ...), or one with a hint: `{ verdict, retryAfterMs, unsent }`.
 *
 * A rule that throws changes nothing: the default rules then judge, and `hook.failed` tells.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC`.
 * @example
 * classify((error) => (error instanceof OutOfStock ? "permanent" : undefined));
 */
export function classify(rules: ClassifyOptions | ((error: unknown) => Said)): Classify {
  return new Classify(rules);
}
