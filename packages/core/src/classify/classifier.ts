import { summarize } from "../errors/summary.js";
import type { Events } from "../events/events.js";
import { type Judgement, JUDGED, type VerdictName } from "../verdicts/verdict.js";
import { judgeKnownError } from "./judge-error.js";
import { judgeResult } from "./judge-result.js";

/** What a user's own rule may say of an outcome; `undefined` leaves it to the default rules. */
export type Said =
  | VerdictName
  | {
      readonly verdict: VerdictName;
      /** The dependency asked to be left alone for so long. */
      readonly retryAfterMs?: number;
      /** The dependency certainly did not process it. */
      readonly unsent?: boolean;
    }
  | undefined;

export interface ClassifyRules {
  readonly error: ((error: unknown) => Said) | undefined;
  readonly result: ((value: unknown) => Said) | undefined;
  readonly unknown: "transient" | "permanent";
}

const MOST_NAMES = 100;

/** Judges outcomes: the user's rules first, then the default ones, then `unknown`. Never throws. */
export class Classifier {
  readonly #rules: ClassifyRules;
  readonly #events: Events;
  readonly #unknown: Judgement;
  readonly #toldNames = new Set<string>();

  constructor(rules: ClassifyRules, events: Events) {
    this.#rules = rules;
    this.#events = events;
    this.#unknown = { ...JUDGED[rules.unknown], unknown: true };
  }

  error(error: unknown): Judgement {
    return this.#ask(this.#rules.error, error) ?? this.#judgeError(error);
  }

  result(value: unknown): Judgement {
    const { result } = this.#rules;
    if (result === undefined && (typeof value !== "object" || value === null))
      return JUDGED.success;
    return this.#ask(result, value) ?? this.#judgeResult(value);
  }

  #ask(rule: ((outcome: unknown) => Said) | undefined, outcome: unknown): Judgement | undefined {
    if (rule === undefined) return undefined;
    try {
      return judgementFrom(rule(outcome));
    } catch (error) {
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
    if (!this.#events.wanted || this.#toldNames.size >= MOST_NAMES) return;
    const summary = summarize(error);
    if (this.#toldNames.has(summary.name)) return;
    this.#toldNames.add(summary.name);
    const verdict = this.#unknown.verdict.name;
    this.#events.emit("error.unclassified", { errorName: summary.name, verdict, error: summary });
  }

  #failed(failure: unknown): void {
    this.#events.emit("hook.failed", { hook: "classifier", error: summarize(failure) });
  }
}

function judgementFrom(said: Said): Judgement | undefined {
  if (said === undefined) return undefined;
  const {
    verdict,
    retryAfterMs = 0,
    unsent = false,
  } = typeof said === "string" ? { verdict: said } : said;
  const judged = Object.hasOwn(JUDGED, verdict) ? JUDGED[verdict] : undefined;
  if (judged === undefined)
    throw new TypeError(`the classifier returned ${JSON.stringify(said)}, which is no verdict`);
  if (retryAfterMs === 0 && !unsent) return judged;
  return {
    verdict: judged.verdict,
    retryAfterMs: Math.max(0, Math.round(retryAfterMs)),
    unsent,
    unknown: false,
  };
}
