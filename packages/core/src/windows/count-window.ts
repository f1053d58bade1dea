import type { Outcome, OutcomeWindow, SavedWindow } from "./outcome-window.js";

const FAILURE = 1;
const TIMEOUT = 2;
const SLOW = 4;

/** The outcomes of the last `count` attempts, however long ago: a ring of three-bit flags with running sums. */
export class CountWindow implements OutcomeWindow {
  readonly shape = "count";
  calls = 0;
  failures = 0;
  timeouts = 0;
  slow = 0;
  readonly #count: number;
  readonly #ring: number[] = [];
  #next = 0;

  constructor(count: number, saved?: SavedWindow) {
    this.#count = count;
    for (const row of saved?.slice(-count) ?? [])
      this.record({ failure: row[2] > 0, timeout: row[3] > 0 }, row[4] > 0);
  }

  record({ failure, timeout }: Outcome, slow: boolean): void {
    const forgotten = this.#ring[this.#next];
    if (forgotten !== undefined) this.#add(forgotten, -1);
    const flags = (failure ? FAILURE : 0) | (timeout ? TIMEOUT : 0) | (slow ? SLOW : 0);
    this.#ring[this.#next] = flags;
    this.#next = this.#next + 1 === this.#count ? 0 : this.#next + 1;
    this.#add(flags, 1);
  }

  /** Nothing here grows old. */
  expire(): void {}

  save(): SavedWindow {
    const oldestFirst = [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
    return oldestFirst.map((flags) => [
      0,
      1,
      bit(flags, FAILURE),
      bit(flags, TIMEOUT),
      bit(flags, SLOW),
    ]);
  }

  #add(flags: number, sign: 1 | -1): void {
    this.calls += sign;
    if (flags === 0) return;
    this.failures += sign * bit(flags, FAILURE);
    this.timeouts += sign * bit(flags, TIMEOUT);
    this.slow += sign * bit(flags, SLOW);
  }
}

function bit(flags: number, mask: number): 0 | 1 {
  return (flags & mask) === 0 ? 0 : 1;
}
