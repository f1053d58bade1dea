import { clock, type Timer } from "../time/clock.js";
import { formatDuration } from "../time/duration.js";
import { type Judgement, NOT_RUN } from "../verdicts/verdict.js";
import { type Answer, type Entrant, type Guard, Loan, Pass, Refusal } from "./guard.js";
import { Place, Queue, type QueueHome } from "./queue.js";

export interface RateRules {
  readonly perSecond: number;
  readonly burst: number;
  readonly waitMs: number;
}

/** What the limiters of one rate limit have in common. */
export interface LimiterHome {
  readonly name: string;
  readonly rules: RateRules;
}

/**
 * Bounds how many attempts begin in a time: in any t milliseconds at most `burst + perSecond x t / 1000`.
 *
 * It is the generic cell rate algorithm (ITU-T I.371): one number, the time at which the bucket would be full again.
 * Who may wait does so in a queue, first in, first out; nobody overtakes it. A limiter is its own pass.
 */
export class Limiter extends Pass implements Guard, QueueHome {
  readonly home: LimiterHome;
  readonly #limited: Limited;
  /** When as many attempts could begin at once as the burst allows. */
  #fullAtMs = -Infinity;
  #queue: Queue<PlaceForAToken> | undefined = undefined;
  #timer: Timer | undefined = undefined;

  constructor(home: LimiterHome) {
    super();
    this.home = home;
    this.#limited = new Limited(this);
  }

  enter({ mostWaitMs }: Entrant): Answer {
    const waitMs = this.waitMs();
    const longestMs = Math.min(this.home.rules.waitMs, mostWaitMs);
    if (waitMs > longestMs) return this.#limited;
    // Who must not wait takes nothing from those that do: there is enough for all of them, too.
    if (waitMs <= 0 && (this.#queue === undefined || longestMs <= 0)) return this.#take();
    const queue = (this.#queue ??= new Queue());
    const place = queue.join(new PlaceForAToken(queue, this, clock.read() + longestMs));
    this.#arm();
    return place;
  }

  wouldRefuse(atMs: number): boolean {
    return atMs + this.home.rules.waitMs < this.#freeAtMs(this.queued);
  }

  /** One at least where one would be let in: rounding must not say otherwise. */
  slots(): number {
    if (this.waitMs() > 0) return 0;
    const { burst } = this.home.rules;
    const spentMs = Math.max(0, this.#fullAtMs - clock.read());
    return Math.max(1, Math.floor(burst - spentMs / this.#intervalMs) - this.queued);
  }

  /** An attempt that did not run has used nothing. */
  exit(judgement: Judgement): void {
    if (judgement === NOT_RUN) this.giveBack();
  }

  override toLend(): Loan {
    return new Paid(this, this);
  }

  giveBack(): void {
    this.#fullAtMs -= this.#intervalMs;
    if (this.#queue !== undefined) this.#arm();
  }

  /** How long who asks now has to wait, behind those that wait already. */
  waitMs(): number {
    return Math.max(0, Math.ceil(this.#freeAtMs(this.queued) - clock.read()));
  }

  /** A timer that nobody waits for would keep the process alive. */
  left(): void {
    if (this.queued > 0) return;
    this.#queue = undefined;
    clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  get queued(): number {
    return this.#queue?.length ?? 0;
  }

  isPristine(): boolean {
    return this.#queue === undefined && clock.now() >= this.#fullAtMs;
  }

  /** What has been used stays used: so many attempts, not the time that they stood for at another rate. */
  retuned({ perSecond }: RateRules): void {
    const nowMs = clock.read();
    const used = (Math.max(0, this.#fullAtMs - nowMs) * perSecond) / 1_000;
    this.#fullAtMs = nowMs + Math.min(used, this.home.rules.burst) * this.#intervalMs;
    this.#refuseLate();
    if (this.#queue !== undefined) this.#arm();
  }

  reset(): void {
    this.#fullAtMs = -Infinity;
    if (this.#queue !== undefined) this.#arm();
  }

  #take(): this {
    this.#fullAtMs = Math.max(this.#fullAtMs, clock.read()) + this.#intervalMs;
    return this;
  }

  get #intervalMs(): number {
    return 1_000 / this.home.rules.perSecond;
  }

  /** When the next may begin, after `before` others. */
  #freeAtMs(before: number): number {
    return this.#fullAtMs + (before + 1 - this.home.rules.burst) * this.#intervalMs;
  }

  /** Whose turn can no longer come in time is refused now, not then. */
  #refuseLate(): void {
    let before = 0;
    for (const place of this.#queue ?? []) {
      if (this.#freeAtMs(before) > place.latestMs) place.end(this.#limited);
      else before++;
    }
  }

  #arm(): void {
    clock.clearTimer(this.#timer);
    const waitMs = Math.max(1, Math.ceil(this.#freeAtMs(0) - clock.read()));
    this.#timer = clock.setTimer(() => this.#admitDue(), waitMs);
  }

  /**
   * Turns come from a timer only. If a call that asks could give them to others, two queues might hand each other's
   * calls to and fro in microtasks for ever: each has what the other one lacks, and waits behind it.
   */
  #admitDue(): void {
    while (this.queued > 0 && this.#freeAtMs(0) <= clock.read()) this.#queue?.grant(this.#take());
    if (this.#queue !== undefined) this.#arm();
  }
}

class PlaceForAToken extends Place {
  /** It must not wait longer than until then. */
  readonly latestMs: number;
  readonly #limiter: Limiter;

  constructor(queue: Queue<PlaceForAToken>, limiter: Limiter, latestMs: number) {
    super(queue, limiter);
    this.#limiter = limiter;
    this.latestMs = latestMs;
  }

  protected override leave(): boolean {
    const wasThere = super.leave();
    if (wasThere) this.#limiter.left();
    return wasThere;
  }
}

/**
 * What an attempt holds while calls inside it ask the same limiter. The first attempt inside is what it has paid for;
 * each further one is another request, and pays for itself.
 */
class Paid extends Loan {
  readonly guard: Limiter;
  readonly #pass: Pass;
  #isUsed = false;

  constructor(limiter: Limiter, pass: Pass) {
    super();
    this.guard = limiter;
    this.#pass = pass;
  }

  lend(entrant: Entrant): Answer {
    if (this.#isUsed) return this.guard.enter(entrant);
    this.#isUsed = true;
    return new Prepaid(this);
  }

  giveBack(): void {
    this.#isUsed = false;
  }

  exit(judgement: Judgement): void {
    this.#pass.exit(judgement);
  }
}

class Prepaid extends Pass {
  readonly #paid: Paid;

  constructor(paid: Paid) {
    super();
    this.#paid = paid;
  }

  override get once(): boolean {
    return true;
  }

  exit(judgement: Judgement): void {
    if (judgement === NOT_RUN) this.#paid.giveBack();
  }

  override toLend(): Loan {
    return new Paid(this.#paid.guard, this);
  }
}

class Limited extends Refusal {
  readonly code = "ERR_RATE_LIMITED";
  readonly #limiter: Limiter;

  constructor(limiter: Limiter) {
    super();
    this.#limiter = limiter;
  }

  get guard(): string {
    return this.#limiter.home.name;
  }

  retryAfterMs(): number {
    return this.#limiter.waitMs();
  }

  describe(): string {
    const { perSecond, burst } = this.#limiter.home.rules;
    const wait = formatDuration(this.retryAfterMs());
    return `rate limit ${this.guard} allows ${perSecond} attempts a second (burst ${burst}); the next one in ${wait}`;
  }
}
