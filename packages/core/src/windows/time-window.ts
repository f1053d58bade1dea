import {
  noTotals,
  type Outcome,
  type OutcomeWindow,
  type SavedWindow,
  type WindowTotals,
} from "./outcome-window.js";

const BUCKETS = 10;

/**
 * The outcomes of the last `ms` milliseconds, in ten buckets with running sums: a record costs the same however many
 * calls the window holds. After an idle time all expired buckets are cleared, not just one.
 */
export class TimeWindow implements OutcomeWindow {
  readonly totals: WindowTotals = noTotals();
  readonly #bucketMs: number;
  #buckets: WindowTotals[] | undefined;
  #at = 0;
  #endsMs = 0;

  constructor(ms: number, saved?: SavedWindow, nowMs = 0) {
    this.#bucketMs = Math.max(1, Math.ceil(ms / BUCKETS));
    for (const row of saved ?? []) this.#restore(row, nowMs);
  }

  record({ failure, timeout }: Outcome, slow: boolean, nowMs: number): void {
    if (nowMs >= this.#endsMs) this.#rotate(nowMs);
    const bucket = this.#current();
    bucket.calls++;
    this.totals.calls++;
    if (failure) count(bucket, this.totals, "failures");
    if (timeout) count(bucket, this.totals, "timeouts");
    if (slow) count(bucket, this.totals, "slow");
  }

  expire(nowMs: number): void {
    if (this.#buckets !== undefined && nowMs >= this.#endsMs) this.#rotate(nowMs);
  }

  save(nowMs: number): SavedWindow {
    this.expire(nowMs);
    const buckets = this.#buckets ?? [];
    const rows: [number, number, number, number, number][] = [];
    for (let age = buckets.length - 1; age >= 0; age--) {
      const { calls, failures, timeouts, slow } =
        buckets[(this.#at - age + BUCKETS) % BUCKETS] ?? noTotals();
      if (calls > 0) rows.push([age * this.#bucketMs, calls, failures, timeouts, slow]);
    }
    return rows;
  }

  #restore([ageMs, calls, failures, timeouts, slow]: SavedWindow[number], nowMs: number): void {
    if (ageMs >= BUCKETS * this.#bucketMs) return;
    this.#rotate(Math.max(nowMs - ageMs, this.#endsMs));
    const bucket = this.#current();
    add(bucket, { calls, failures, timeouts, slow }, 1);
    add(this.totals, { calls, failures, timeouts, slow }, 1);
  }

  #current(): WindowTotals {
    this.#buckets ??= Array.from({ length: BUCKETS }, noTotals);
    return this.#buckets[this.#at] as WindowTotals;
  }

  #rotate(nowMs: number): void {
    const passed = this.#endsMs === 0 ? 1 : 1 + Math.floor((nowMs - this.#endsMs) / this.#bucketMs);
    for (let left = Math.min(passed, BUCKETS); left > 0; left--) this.#clearNext();
    this.#endsMs = nowMs - (nowMs % this.#bucketMs) + this.#bucketMs;
  }

  #clearNext(): void {
    this.#at = (this.#at + 1) % BUCKETS;
    const bucket = this.#current();
    add(this.totals, bucket, -1);
    Object.assign(bucket, noTotals());
  }
}

function count(bucket: WindowTotals, totals: WindowTotals, field: keyof WindowTotals): void {
  bucket[field]++;
  totals[field]++;
}

function add(
  totals: WindowTotals,
  { calls, failures, timeouts, slow }: WindowTotals,
  sign: 1 | -1,
): void {
  totals.calls += sign * calls;
  totals.failures += sign * failures;
  totals.timeouts += sign * timeouts;
  totals.slow += sign * slow;
}
