import { Pass, type Refusal } from "../../guards/guard.js";
import type { Judgement } from "../../verdicts/verdict.js";
import { Admission } from "../admission.js";
import { atKey, type Place } from "../plan.js";
import { Turn } from "../turn.js";
import type { Estimates } from "./estimates.js";

/**
 * In shadow nobody is refused, and nobody waits: the attempt runs and holds nothing. No guard hears of it, as none would
 * have if it had been refused; so their books stay exact.
 */
export function letThrough(place: Place, estimates: Estimates, answer: Refusal | Turn): Admission {
  if (answer instanceof Turn) return doNotWait(place, estimates, answer);
  return new Admission([new WouldRefuse(place, estimates, answer)]);
}

function doNotWait({ plan, key }: Place, estimates: Estimates, turn: Turn): Admission {
  turn.waiter.giveUp();
  estimates.waits++;
  if (plan.events.wanted) plan.events.emit("shadow.would_wait", atKey(key));
  return new Admission([]);
}

/** In the place of a refusal that was not made: learns how the attempt ended, to tell whether it would have been right. */
class WouldRefuse extends Pass {
  readonly #place: Place;
  readonly #estimates: Estimates;
  readonly #refusal: Refusal;

  constructor(place: Place, estimates: Estimates, refusal: Refusal) {
    super();
    this.#place = place;
    this.#estimates = estimates;
    this.#refusal = refusal;
  }

  override get once(): boolean {
    return true;
  }

  exit(judgement: Judgement): void {
    const wouldHaveBeen = this.#estimates.refused(judgement);
    const { plan, key } = this.#place;
    if (!plan.events.wanted) return;
    const { guard, code } = this.#refusal;
    plan.events.emit("shadow.would_refuse", {
      ...atKey(key),
      guard,
      code,
      verdict: judgement.verdict.name,
      ...(wouldHaveBeen === undefined ? {} : { wouldHaveBeen }),
    });
  }
}
