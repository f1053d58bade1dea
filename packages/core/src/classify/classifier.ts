import { ignoreRejection } from "../errors/hooks.js";
import { summarize } from "../errors/summary.js";
import type { Events } from "../events/events.js";
import type { OutcomeRules, Said } from "../verdicts/said.js";
import { type Judgement, JUDGED, type VerdictName } from "../verdicts/verdict.js";
import { judgeKnownError } from "./judge-error.js";
import { judgeResult } from "./judge-result.js";
import { waitOf } from "./retry-after.js";

export interface ClassifyRules {
  readonly error: ((error: unknown) => Said) | undefined;
  readonly result: ((value: unknown) => Said) | undefined;
  readonly unknown: "transient" | "permanent";
}

const MOST_NAMES = 100;

/** Judges outcomes: the user's rules first, then those of the call, the default ones, and `unknown`. Never throws. */
export class Classifier {
  readonly #rules: ClassifyRules;
  readonly #callRules: OutcomeRules | undefined;
  readonly #events: Events;
  readonly #unknown: Judgement;
  #toldNames: Set<string> | undefined;
  #forCalls: WeakMap<OutcomeRules, Classifier> | undefined;

  constructor(rules: ClassifyRules, events: Events, callRules?: OutcomeRules) {
    this.#rules = rules;
    this.#callRules = callRules;
    this.#events = events;
    this.#unknown = { ...JUDGED[rules.unknown], unknown: true };
  }

  /** For a call with rules of its own. Those who give the same rules again get the same classifier. */
  forCall(rules: OutcomeRules | undefined): Classifier {
    if (rules === undefined || rules === null) return this;
    const all = (this.#forCalls ??= new WeakMap<OutcomeRules, Classifier>());
    const known = all.get(rules);
    if (known !== undefined) return known;
    const classifier = new Classifier(this.#rules, this.#events, rules);
    all.set(rules, classifier);
    return classifier;
  }

  error(error: unknown): Judgement {
    return (
      this.#ask(this.#rules.error, error) ??
      this.#ask(this.#callRules?.error, error) ??
      this.#judgeError(error)
    );
  }

  result(value: unknown): Judgement {
    const { result } = this.#rules;
    const ofCall = this.#callRules?.result;
    const hasRule = result !== undefined || ofCall !== undefined;
    if (!hasRule && (typeof value !== "object" || value === null)) return JUDGED.success;
    return this.#ask(result, value) ?? this.#ask(ofCall, value) ?? this.#judgeResult(value);
  }

  #ask(rule: ((outcome: unknown) => Said) | undefined, outcome: unknown): Judgement | undefined {
    if (rule === undefined) return undefined;
    let said: unknown;
    try {
      said = rule(outcome);
      return judgementFrom(said);
    } catch (error) {
      ignoreRejection(said);
      this.#failed(error);
      return undefined;
    }
  }

  /** Reading an error may run its getters, and those may throw. */
  #judgeError(error: unknown): Judgement {
    try {
      const known = judgeKnownError(error);
      if (known !== undefined) return known;
    } catch (failure) {
      this.#failed(failure);
    }
    this.#tell(error);
    return this.#unknown;
  }

  #judgeResult(value: unknown): Judgement {
    try {
      return judgeResult(value);
    } catch (failure) {
      this.#failed(failure);
      return JUDGED.success;
    }
  }

  #tell(error: unknown): void {
    if (!this.#events.wanted) return;
    const told = (this.#toldNames ??= new Set());
    const summary = summarize(error);
    if (told.size >= MOST_NAMES || told.has(summary.name)) return;
    told.add(summary.name);
    const verdict = this.#unknown.verdict.name;
    this.#events.emit("error.unclassified", { errorName: summary.name, verdict, error: summary });
  }

  #failed(failure: unknown): void {
    this.#events.emit("hook.failed", { hook: "classifier", error: summarize(failure) });
  }
}

function judgementFrom(said: unknown): Judgement | undefined {
  if (said === undefined) return undefined;
  const {
    verdict,
    retryAfterMs = 0,
    unsent = false,
  } = (typeof said === "string" ? { verdict: said } : said) as Fields;
  const judged =
    typeof verdict === "string" && Object.hasOwn(JUDGED, verdict)
      ? JUDGED[verdict as VerdictName]
      : undefined;
  if (judged === undefined)
    throw new TypeError("the classifier's answer has no verdict that we know");
  if (typeof retryAfterMs !== "number" || Number.isNaN(retryAfterMs))
    throw new TypeError("retryAfterMs is no number");
  if (retryAfterMs <= 0 && unsent !== true) return judged;
  return {
    verdict: judged.verdict,
    retryAfterMs: waitOf(retryAfterMs),
    unsent: unsent === true,
    unknown: false,
  };
}

type Fields = {
  readonly verdict?: unknown;
  readonly retryAfterMs?: unknown;
  readonly unsent?: unknown;
};
