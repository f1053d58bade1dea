import { Refusal } from "../guards/guard.js";
import { clock } from "../time/clock.js";

/** An operator's no: until it ends, no attempt of a policy, or of one of its keys, begins. */
export class Block extends Refusal {
  readonly code = "ERR_CIRCUIT_FORCED_OPEN";
  /** The policy that is blocked: no guard of its own has any part in it. */
  readonly guard: string;
  readonly key: string | undefined;
  /** When it ends, by the monotonic clock; `Infinity` until it is cleared. */
  readonly endsMs: number;
  readonly #because: string;

  /** `because`: by whom, why, and until when. */
  constructor(policy: string, key: string | undefined, endsMs: number, because: string) {
    super();
    this.guard = policy;
    this.key = key;
    this.endsMs = endsMs;
    this.#because = because;
  }

  /** Would it refuse an attempt of this key at that time? */
  wouldRefuse(key: string | undefined, atMs: number): boolean {
    return (this.key === undefined || this.key === key) && atMs < this.endsMs;
  }

  /** Until it is cleared: nobody knows. */
  retryAfterMs(): number | undefined {
    return this.endsMs === Infinity ? undefined : Math.max(0, this.endsMs - clock.now());
  }

  describe(): string {
    return `an operator has blocked it ${this.#because}`;
  }
}
