import type { Judgement, VerdictName } from "../verdicts/verdict.js";

/** What a policy has done so far: plain integers that exporters read, and nothing writes but these methods. */
export class Counters {
  /** Attempts, by verdict; those that ended after their call had, in `late`. */
  readonly attempts: Record<VerdictName | "late", number> = {
    success: 0,
    permanent: 0,
    transient: 0,
    timeout: 0,
    throttled: 0,
    ignored: 0,
    aborted: 0,
    refused: 0,
    late: 0,
  };
  /** Failures that no rule knew. */
  unknownErrors = 0;
  /** Calls whose first attempt was refused. */
  refusedCalls = 0;
  retries = 0;
  /** Retries that were worth making and were not made: for want of budget, time, or a guard's consent. */
  deniedRetries = 0;
  /** Whether a task has ever asked for its signal: if none did, a timed-out attempt goes on beside its retry. */
  signalWasRead = false;

  settled(judgement: Judgement): void {
    if (judgement.verdict.name === "success") this.attempts.success++;
    else this.#failed(judgement);
  }

  #failed({ verdict, unknown }: Judgement): void {
    this.attempts[verdict.name]++;
    if (unknown) this.unknownErrors++;
  }
}
