import { type Judgement, VERDICT_NAMES, type VerdictName } from "../verdicts/verdict.js";

/** What a policy has done so far: plain integers that exporters read, and nothing writes but these methods. */
export class Counters {
  /** Attempts that have begun. */
  begun = 0;
  /** Attempts whose time was over before their work. */
  expired = 0;
  /** Of attempts that ended after their call had. */
  late = 0;
  /** Failures that no rule knew. */
  unknownErrors = 0;
  /** Calls whose first attempt was refused. */
  refusedCalls = 0;
  retries = 0;
  /** Retries that were worth making and were not made: for want of budget, time, or a guard's consent. */
  deniedRetries = 0;
  /** Calls that a fallback has answered. */
  fallbacks = 0;
  /** Whether a task has ever asked for its signal: if none did, a timed-out attempt goes on beside its retry. */
  signalWasRead = false;
  readonly #byVerdict: number[] = VERDICT_NAMES.map(() => 0);

  settled({ verdict, unknown }: Judgement): void {
    (this.#byVerdict[verdict.index] as number)++;
    if (unknown) this.unknownErrors++;
  }

  /** Attempts whose work goes on now. */
  get running(): number {
    const settled = this.#byVerdict.reduce((sum, count) => sum + count, 0);
    return this.begun - settled + this.expired - this.late;
  }

  /** Attempts by verdict, and those that ended late. */
  get attempts(): Record<VerdictName | "late", number> {
    const counts = VERDICT_NAMES.map((name, index) => [name, this.#byVerdict[index]]);
    return { ...(Object.fromEntries(counts) as Record<VerdictName, number>), late: this.late };
  }
}
