import type { Outcome, OutcomeWindow, SavedWindow } from "./outcome-window.js";

const BUCKETS = 10;
// A bucket is four numbers of the ring, in the order in which `SavedWindow` has them.
const CALLS = 0;
const FAILURES = 1;
const TIMEOUTS = 2;
const SLOW = 3;
const FIELDS = 4;

/**
 * The outcomes of the last `ms` milliseconds, in ten buckets with running sums: a record costs the same however many
 * calls the window holds. After an idle time all expired buckets are cleared, not just one.
 */
export class TimeWindow implements OutcomeWindow {
  readonly shape = "time";
  calls = 0;
  failures = 0;
  timeouts = 0;
  slow = 0;
  readonly #bucketMs: number;
  /** Made by the first record: most keys never have one. */
  #ring: number[] = [];
  #at = 0;
  #endsMs = -Infinity;

  constructor(ms: number, saved?: SavedWindow, nowMs = 0) {
    this.#bucketMs = Math.max(1, Math.ceil(ms / BUCKETS));
    for (const row of saved ?? []) this.#restore(row, nowMs);
  }

  record({ failure, timeout }: Outcome, slow: boolean, nowMs: number): void {
    if (nowMs >= this.#endsMs) this.#rotate(nowMs);
    this.calls++;
    (this.#ring[this.#at + CALLS] as number)++;
    if (failure || slow) this.#recordTrouble(failure, timeout, slow);
  }

  expire(nowMs: number): void {
    if (this.#ring.length > 0 && nowMs >= this.#endsMs) this.#rotate(nowMs);
  }

  save(nowMs: number): SavedWindow {
    this.expire(nowMs);
    const rows: [number, number, number, number, number][] = [];
    for (let age = BUCKETS - 1; age >= 0; age--) {
      const at = (this.#at - age * FIELDS + BUCKETS * FIELDS) % (BUCKETS * FIELDS);
      const [calls = 0, failures = 0, timeouts = 0, slow = 0] = this.#ring.slice(at, at + FIELDS);
      if (calls > 0) rows.push([age * this.#bucketMs, calls, failures, timeouts, slow]);
    }
    return rows;
  }

  #restore([ageMs, calls, failures, timeouts, slow]: SavedWindow[number], nowMs: number): void {
    const thenMs = nowMs - ageMs;
    if (thenMs >= this.#endsMs) this.#rotate(thenMs);
    this.#sum(calls, failures, timeouts, slow);
    for (const [field, count] of [calls, failures, timeouts, slow].entries())
      this.#add(field, count);
  }

  #recordTrouble(failure: boolean, timeout: boolean, slow: boolean): void {
    const counts = [failure ? 1 : 0, timeout ? 1 : 0, slow ? 1 : 0] as const;
    this.#sum(0, ...counts);
    this.#add(FAILURES, counts[0]);
    this.#add(TIMEOUTS, counts[1]);
    this.#add(SLOW, counts[2]);
  }

  #add(field: number, count: number): void {
    (this.#ring[this.#at + field] as number) += count;
  }

  #sum(calls: number, failures: number, timeouts: number, slow: number): void {
    this.calls += calls;
    this.failures += failures;
    this.timeouts += timeouts;
    this.slow += slow;
  }

  #rotate(nowMs: number): void {
    if (this.#ring.length === 0) this.#ring = Array.from({ length: BUCKETS * FIELDS }, () => 0);
    const passed = 1 + Math.floor((nowMs - this.#endsMs) / this.#bucketMs);
    for (let left = Math.min(passed, BUCKETS); left > 0; left--) this.#clearNext();
    // Also right for a time before this process began, which is below zero.
    this.#endsMs = (Math.floor(nowMs / this.#bucketMs) + 1) * this.#bucketMs;
  }

  #clearNext(): void {
    this.#at = (this.#at + FIELDS) % (BUCKETS * FIELDS);
    const [calls = 0, failures = 0, timeouts = 0, slow = 0] = this.#ring.slice(
      this.#at,
      this.#at + FIELDS,
    );
    this.#sum(-calls, -failures, -timeouts, -slow);
    this.#ring.fill(0, this.#at, this.#at + FIELDS);
  }
}
