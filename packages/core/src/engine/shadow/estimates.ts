import type { Judgement } from "../../verdicts/verdict.js";

/** Whether a refusal that was not made would have been worth making. */
export type Hindsight = "right" | "wrong" | undefined;

/** What a policy in shadow would have done, had it been enforced: plain integers. */
export class Estimates {
  /** Refusals that would have saved a failure. */
  rightRefusals = 0;
  /** Refusals that would have cost a success, or an answer. */
  wrongRefusals = 0;
  /** Refusals of attempts of which nothing can be said: the caller gave up, or the task is at fault. */
  otherRefusals = 0;
  /** Calls that would have waited for room or for their turn. */
  waits = 0;
  /** Attempts that would have been repeated. */
  retries = 0;
  /** Attempts that would have been repeated, had the budget allowed it. */
  deniedRetries = 0;
  /** Attempts that took longer than they would have had. */
  timeouts = 0;

  /** The outcome of an attempt is known that would have been refused. */
  refused({ verdict }: Judgement): Hindsight {
    if (verdict.probe === "none") {
      this.otherRefusals++;
      return undefined;
    }
    const isRight = verdict.probe === "failure";
    if (isRight) this.rightRefusals++;
    else this.wrongRefusals++;
    return isRight ? "right" : "wrong";
  }
}
