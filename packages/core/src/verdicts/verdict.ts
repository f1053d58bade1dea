/**
 * What the outcome of an attempt means. One table for breaker, budget, retry and docs: a verdict carries its own
 * consequences, so nobody else decides on names.
 */
export class Verdict {
  readonly name: VerdictName;
  /** Its place in `VERDICT_NAMES`. */
  readonly index: number;
  /** May another attempt help? */
  readonly retry: boolean;
  /** The breaker's consecutive rule: `reset` the row, `add` to it, or leave it. */
  readonly row: "reset" | "add" | "leave";
  /** Does it count in the breaker's window: as a call, as a failure too, as a timeout too? */
  readonly inWindow: boolean;
  readonly failure: boolean;
  readonly timeout: boolean;
  /** What it means for a probe: `none` gives the slot back. */
  readonly probe: "success" | "failure" | "none";
  /** Does it deposit when a budget's `credit` is `successes`: is the dependency alive? */
  readonly alive: boolean;

  constructor(name: VerdictName, effects: Partial<Omit<Verdict, "name" | "index">>) {
    this.name = name;
    this.index = VERDICT_NAMES.indexOf(name);
    this.retry = effects.retry ?? false;
    this.row = effects.row ?? "leave";
    this.inWindow = effects.inWindow ?? false;
    this.failure = effects.failure ?? false;
    this.timeout = effects.timeout ?? false;
    this.probe = effects.probe ?? "none";
    this.alive = effects.alive ?? false;
    Object.freeze(this);
  }
}

/** The names that a classifier may give, in the order in which they are counted. */
export const VERDICT_NAMES = [
  "success",
  "permanent",
  "transient",
  "timeout",
  "throttled",
  "ignored",
  "aborted",
  "refused",
] as const;

export type VerdictName = (typeof VERDICT_NAMES)[number];

const answered = { row: "reset", inWindow: true, probe: "success", alive: true } as const;
const failed = {
  retry: true,
  row: "add",
  inWindow: true,
  failure: true,
  probe: "failure",
} as const;

export const VERDICTS: { readonly [N in VerdictName]: Verdict } = {
  success: new Verdict("success", answered),
  permanent: new Verdict("permanent", answered),
  transient: new Verdict("transient", failed),
  timeout: new Verdict("timeout", { ...failed, timeout: true }),
  throttled: new Verdict("throttled", { retry: true, inWindow: true, probe: "failure" }),
  ignored: new Verdict("ignored", {}),
  aborted: new Verdict("aborted", {}),
  refused: new Verdict("refused", {}),
};

/** A verdict with what else is known of the outcome. */
export interface Judgement {
  readonly verdict: Verdict;
  /** The dependency asked to be left alone for so long; 0 when it said nothing. */
  readonly retryAfterMs: number;
  /** The dependency certainly did not process it: safe to repeat, whatever the task does. */
  readonly unsent: boolean;
  /** No rule knew the error; it got its verdict by default. */
  readonly unknown: boolean;
}

/** One prebuilt judgement for each verdict: classifying allocates nothing unless there is more to say. */
export const JUDGED: { readonly [N in VerdictName]: Judgement } = Object.fromEntries(
  Object.entries(VERDICTS).map(([name, verdict]) => [
    name,
    Object.freeze({ verdict, retryAfterMs: 0, unsent: name === "refused", unknown: false }),
  ]),
) as { [N in VerdictName]: Judgement };

/** Of an attempt that was let in by some guards and did not run. One that ended with a refusal of another policy did. */
export const NOT_RUN: Judgement = Object.freeze({ ...JUDGED.refused });
