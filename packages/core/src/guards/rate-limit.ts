import { clock, type Timer } from "../time/clock.js";
import { formatDuration } from "../time/duration.js";
import { type Judgement, VERDICTS } from "../verdicts/verdict.js";
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
  #queue: Queue | undefined = undefined;
  #timer: Timer | undefined = undefined;

  constructor(home: LimiterHome) {
    super();
    this.home = home;
    this.#limited = new Limited(this);
  }

  enter({ mostWaitMs }: Entrant): Answer {
    const waitMs = this.waitMs();
    if (waitMs <= 0) return this.#take();
    if (waitMs > Math.min(this.home.rules.waitMs, mostWaitMs)) return this.#limited;
    const queue = (this.#queue ??= new Queue());
    const place = queue.join(new PlaceForAToken(queue, this));
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
  exit({ verdict }: Judgement): void {
    if (verdict === VERDICTS.refused) this.giveBack();
  }

  override toLend(): Loan {
    return new Paid(this);
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

  retuned(): void {
    if (this.#queue !== undefined) this.#arm();
  }

  reset(): void {
    this.#fullAtMs = -Infinity;
    this.retuned();
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

  #arm(): void {
    clock.clearTimer(this.#timer);
    const waitMs = Math.max(1, Math.ceil(this.#freeAtMs(0) - clock.read()));
    this.#timer = clock.setTimer(() => this.#admitWaiting(), waitMs);
  }

  #admitWaiting(): void {
    clock.clearTimer(this.#timer);
    this.#timer = undefined;
    while (this.queued > 0 && this.#freeAtMs(0) <= clock.read()) this.#queue?.grant(this.#take());
    if (this.queued > 0) this.#arm();
  }
}

class PlaceForAToken extends Place {
  readonly #limiter: Limiter;

  constructor(queue: Queue, limiter: Limiter) {
    super(queue, limiter);
    this.#limiter = limiter;
  }

  protected override leave(): boolean {
    const wasThere = super.leave();
    if (wasThere) this.#limiter.left();
    return wasThere;
  }
}

/** What an attempt holds while calls inside it ask the same limiter: it has paid for them. */
class Paid extends Loan {
  readonly guard: Limiter;

  constructor(limiter: Limiter) {
    super();
    this.guard = limiter;
  }

  lend(): Pass {
    return FREE;
  }

  exit(judgement: Judgement): void {
    this.guard.exit(judgement);
  }
}

class Free extends Pass {
  override get once(): boolean {
    return true;
  }

  exit(): void {}
}

const FREE = new Free();

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
