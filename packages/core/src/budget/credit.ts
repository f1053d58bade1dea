import { clock } from "../time/clock.js";
import type { Cell } from "../guards/keyed.js";

/** A whole retry, in the thousandths that all sums are kept in: integers don't drift. */
const RETRY = 1_000;
const BUCKETS = 10;

/** The options of a retry budget, complete. */
export interface BudgetRules {
  readonly ratio: number;
  readonly windowMs: number;
  readonly reserve: number;
  readonly reserveRefillMs: number;
  readonly credit: "calls" | "successes";
}

/** A retry that has been paid for and not been made yet. */
export interface Withdrawal {
  /** The retry will not be made: the tokens go back to where they came from, unless they have lapsed there. */
  refund(): void;
}

/**
 * Tokens that calls have deposited and no retry has spent. A token is spent once, oldest first, and lapses `windowMs`
 * after its call began: what a quiet hour has saved up cannot feed a storm.
 *
 * Kept in ten buckets by the time the calls began. A bucket lapses as a whole when its first moment is too old, so a
 * token may lapse up to a tenth of the window early and never late.
 */
export class Credit implements Cell {
  readonly #rules: () => BudgetRules;
  readonly #reserve: Reserve;
  #buckets: Bucket[] = [];

  constructor(rules: () => BudgetRules, reserve: Reserve) {
    this.#rules = rules;
    this.#reserve = reserve;
  }

  /** A call has been let in. */
  depositForCall(beganMs: number): void {
    if (this.#rules().credit === "calls") this.#deposit(beganMs);
  }

  /** A call has got an answer that proves the dependency alive. */
  depositForAnswer(beganMs: number): void {
    if (this.#rules().credit === "successes") this.#deposit(beganMs);
  }

  /** Undefined when neither the credit nor the reserve can pay: then nothing has changed. */
  withdraw(): Withdrawal | undefined {
    this.#lapse();
    let sum = 0;
    for (const bucket of this.#buckets) sum += bucket.thousandths;
    return sum >= RETRY ? this.#spend() : this.#reserve.withdraw();
  }

  /** Whole retries that the deposits could pay now. */
  get retries(): number {
    this.#lapse();
    return Math.floor(this.#buckets.reduce((sum, bucket) => sum + bucket.thousandths, 0) / RETRY);
  }

  isPristine(): boolean {
    this.#lapse();
    return this.#buckets.length === 0;
  }

  save(nowMs: number): SavedCredit {
    this.#lapse();
    return this.#buckets.map(({ startsMs, thousandths }) => [nowMs - startsMs, thousandths]);
  }

  restore(saved: SavedCredit, elapsedMs: number): void {
    const nowMs = clock.now();
    this.#buckets = saved.map(([ageMs, thousandths]) => ({ startsMs: nowMs - elapsedMs - ageMs, thousandths }));
    this.#lapse();
  }

  #deposit(beganMs: number): void {
    const thousandths = Math.floor(this.#rules().ratio * RETRY + 1e-9);
    const bucketMs = Math.max(1, Math.ceil(this.#rules().windowMs / BUCKETS));
    const startsMs = beganMs - (beganMs % bucketMs);
    const newest = this.#buckets.at(-1);
    if (newest === undefined || newest.startsMs < startsMs) {
      this.#lapse();
      this.#buckets.push({ startsMs, thousandths });
    } else {
      // A call that began earlier deposits late when only successes do: into its own time, or the oldest there is.
      const own = this.#buckets.findLast((bucket) => bucket.startsMs <= startsMs) ?? this.#buckets[0];
      if (own !== undefined && own.startsMs <= startsMs) own.thousandths += thousandths;
    }
  }

  #spend(): Withdrawal {
    let due = RETRY;
    const oldest = this.#buckets.find((bucket) => bucket.thousandths > 0);
    for (const bucket of this.#buckets) {
      const paid = Math.min(bucket.thousandths, due);
      bucket.thousandths -= paid;
      due -= paid;
    }
    return {
      // Into the oldest bucket that paid: a refund never makes a token live longer.
      refund: () => {
        if (oldest !== undefined) oldest.thousandths += RETRY;
      },
    };
  }

  #lapse(): void {
    const oldestMs = clock.now() - this.#rules().windowMs;
    let lapsed = 0;
    while (lapsed < this.#buckets.length && (this.#buckets[lapsed] as Bucket).startsMs < oldestMs) lapsed++;
    if (lapsed > 0) this.#buckets.splice(0, lapsed);
  }
}

interface Bucket {
  readonly startsMs: number;
  thousandths: number;
}

/** Rows of [ageMs, thousandths]. */
export type SavedCredit = readonly (readonly [number, number])[];

/**
 * Tokens for those who call too rarely to have credit: a cron job with one call in five minutes would get no retry at
 * all. It starts full; one token comes back every `reserveRefillMs`. One reserve for all keys.
 */
export class Reserve {
  readonly #rules: () => BudgetRules;
  #tokens: number;
  #refilledMs: number = clock.now();

  constructor(rules: () => BudgetRules) {
    this.#rules = rules;
    this.#tokens = rules().reserve;
  }

  get tokens(): number {
    this.#refill();
    return this.#tokens;
  }

  withdraw(): Withdrawal | undefined {
    this.#refill();
    if (this.#tokens < 1) return undefined;
    this.#tokens--;
    return { refund: () => void (this.#tokens = Math.min(this.#rules().reserve, this.#tokens + 1)) };
  }

  /** Full again, as when it was made. */
  reset(): void {
    this.#tokens = this.#rules().reserve;
    this.#refilledMs = clock.now();
  }

  save(nowMs: number): SavedReserve {
    return { tokens: this.tokens, refilledAgoMs: nowMs - this.#refilledMs };
  }

  restore({ tokens, refilledAgoMs }: SavedReserve, elapsedMs: number): void {
    this.#tokens = Math.min(tokens, this.#rules().reserve);
    this.#refilledMs = clock.now() - elapsedMs - Math.min(refilledAgoMs, this.#rules().reserveRefillMs);
  }

  /** While it is full the time to the next token does not run: it begins with the first withdrawal. */
  #refill(): void {
    const { reserve, reserveRefillMs } = this.#rules();
    const nowMs = clock.now();
    const due = Math.floor((nowMs - this.#refilledMs) / reserveRefillMs);
    this.#tokens = Math.min(reserve, this.#tokens + Math.max(0, due));
    this.#refilledMs = this.#tokens >= reserve ? nowMs : this.#refilledMs + due * reserveRefillMs;
  }
}

export interface SavedReserve {
  readonly tokens: number;
  readonly refilledAgoMs: number;
}
