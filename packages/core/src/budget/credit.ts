import { clock } from "../time/clock.js";
import type { Cell } from "../keys/keyed.js";

/** A whole retry, in the thousandths that all sums are kept in: integers don't drift. */
const RETRY = 1_000;

/** What a call deposits at this ratio, rounded down, but for what binary fractions have lost. */
export function shareOf(ratio: number): number {
  return Math.floor(ratio * RETRY + 1e-9);
}

const BUCKETS = 10;

/** The options of a retry budget, complete. */
export interface BudgetRules {
  readonly ratio: number;
  readonly windowMs: number;
  readonly reserve: number;
  readonly reserveRefillMs: number;
  readonly credit: "calls" | "successes";
  /** What a call deposits: `ratio` in thousandths. */
  readonly share: number;
}

/** What the credits of one budget have in common. */
export interface BudgetHome {
  readonly rules: BudgetRules;
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
  readonly #home: BudgetHome;
  readonly #reserve: Reserve;
  #buckets: Bucket[] = [];
  #newest: Bucket = NONE;

  constructor(home: BudgetHome, reserve: Reserve) {
    this.#home = home;
    this.#reserve = reserve;
  }

  /** A call has been let in. */
  depositForCall(beganMs: number): void {
    if (this.#home.rules.credit === "calls") this.#deposit(beganMs);
  }

  /** A call has got an answer that proves the dependency alive. */
  depositForAnswer(beganMs: number): void {
    if (this.#home.rules.credit === "successes") this.#deposit(beganMs);
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
    const earned = this.#home.rules.share > 0 ? saved : [];
    this.#buckets = earned.map(([ageMs, thousandths]) => {
      const startsMs = nowMs - elapsedMs - ageMs;
      return { startsMs, endsMs: startsMs + this.#bucketMs, thousandths };
    });
    this.#newest = this.#buckets.at(-1) ?? NONE;
    this.#lapse();
  }

  #deposit(beganMs: number): void {
    if (beganMs >= this.#newest.startsMs && beganMs < this.#newest.endsMs)
      this.#newest.thousandths += this.#home.rules.share;
    else this.#depositElsewhere(beganMs);
  }

  get #bucketMs(): number {
    return Math.max(1, Math.ceil(this.#home.rules.windowMs / BUCKETS));
  }

  #depositElsewhere(beganMs: number): void {
    const { share } = this.#home.rules;
    const bucketMs = this.#bucketMs;
    if (beganMs >= this.#newest.endsMs) {
      this.#lapse();
      const startsMs = Math.max(beganMs - (beganMs % bucketMs), this.#newest.endsMs);
      this.#newest = { startsMs, endsMs: startsMs + bucketMs, thousandths: share };
      this.#buckets.push(this.#newest);
    } else {
      // Where only answers deposit, a call that began earlier deposits late, and into its own time: if that is still there.
      const own = this.#buckets.find(
        (bucket) => bucket.startsMs <= beganMs && beganMs < bucket.endsMs,
      );
      if (own !== undefined) own.thousandths += share;
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
    const oldestMs = clock.now() - this.#home.rules.windowMs;
    let lapsed = 0;
    while (lapsed < this.#buckets.length && (this.#buckets[lapsed] as Bucket).startsMs < oldestMs)
      lapsed++;
    if (lapsed > 0) this.#buckets.splice(0, lapsed);
  }
}

interface Bucket {
  readonly startsMs: number;
  readonly endsMs: number;
  thousandths: number;
}

const NONE: Bucket = Object.freeze({ startsMs: 0, endsMs: -1, thousandths: 0 });

/** Rows of [ageMs, thousandths]. */
export type SavedCredit = readonly (readonly [number, number])[];

/**
 * Tokens for those who call too rarely to have credit: a cron job with one call in five minutes would get no retry at
 * all. It starts full; one token comes back every `reserveRefillMs`. One reserve for all keys.
 */
export class Reserve {
  readonly #home: BudgetHome;
  #tokens: number;
  #refilledMs: number = clock.now();

  constructor(home: BudgetHome) {
    this.#home = home;
    this.#tokens = home.rules.reserve;
  }

  get tokens(): number {
    this.#refill();
    return this.#tokens;
  }

  withdraw(): Withdrawal | undefined {
    this.#refill();
    if (this.#tokens < 1) return undefined;
    this.#tokens--;
    return {
      refund: () => void (this.#tokens = Math.min(this.#home.rules.reserve, this.#tokens + 1)),
    };
  }

  /** Full again, as when it was made. */
  reset(): void {
    this.#tokens = this.#home.rules.reserve;
    this.#refilledMs = clock.now();
  }

  /** Before the rules change: time that has passed under the old ones earns nothing under the new ones. */
  settle(): void {
    this.#refill();
    this.#refilledMs = clock.now();
  }

  save(nowMs: number): SavedReserve {
    return { tokens: this.tokens, refilledAgoMs: nowMs - this.#refilledMs };
  }

  restore({ tokens, refilledAgoMs }: SavedReserve, elapsedMs: number): void {
    this.#tokens = Math.min(tokens, this.#home.rules.reserve);
    this.#refilledMs =
      clock.now() - elapsedMs - Math.min(refilledAgoMs, this.#home.rules.reserveRefillMs);
  }

  /** While it is full the time to the next token does not run: it begins with the first withdrawal. */
  #refill(): void {
    const { reserve, reserveRefillMs } = this.#home.rules;
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
