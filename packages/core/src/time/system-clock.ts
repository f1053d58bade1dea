import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { type Clock, clock, sleepersOf, type Timer, useClock } from "./clock.js";

const TICK_MS = 10;
const UNNOTICED_MS = 2 * TICK_MS;
const READS_BETWEEN_REFRESHES = 1024;

const nativeSetTimeout = globalThis.setTimeout;
const nativeSetImmediate = globalThis.setImmediate;

/**
 * Reads the system's monotonic clock every 10 ms while calls flow, and not at all while none do.
 *
 * A system call costs about 40 ns, a whole protected call about 70: so a ticker that lives only while somebody asks
 * refreshes one field, and every 1,024th reading does so too, in case the loop never gets to the ticker.
 */
export class SystemClock implements Clock {
  /** One more, as milliseconds are rounded down. */
  readonly stalenessMs: number = UNNOTICED_MS + 1;
  #nowMs = 0;
  #aheadMs = 0;
  #ticking = false;
  #asked = false;
  #readingsLeft = 0;
  #ticker: NodeJS.Timeout | undefined;

  /** Fake timers have no ticker: what they hold must be tidied up at once. */
  get ticking(): boolean {
    return this.#ticking && !isFaked();
  }

  now(): number {
    if (isFaked()) return this.read();
    this.#asked = true;
    if (!this.#ticking || --this.#readingsLeft < 0) this.#refresh();
    return this.#nowMs;
  }

  read(): number {
    const staleMs = this.#nowMs;
    this.#nowMs = Math.trunc(globalThis.performance.now()) + this.#aheadMs;
    // The loop was blocked. A wait stamped with the old time would end before its time, so it begins again, now. While
    // another clock is in use, its waits are not ours, whatever they are stamped with.
    if (clock === this && this.ticking && this.#nowMs - staleMs > UNNOTICED_MS)
      sleepersOf.restart(staleMs, this.#nowMs);
    return this.#nowMs;
  }

  wallMs(): number {
    return Date.now();
  }

  boot(): { bootId: string; bootMs: number } {
    return { bootId: bootId(), bootMs: Number(process.hrtime.bigint() / 1_000_000n) };
  }

  setTimer(fn: () => void, ms: number): Timer {
    return globalThis.setTimeout(fn, ms);
  }

  setBackgroundTimer(fn: () => void, ms: number): Timer {
    return globalThis.setTimeout(fn, ms).unref();
  }

  clearTimer(timer: Timer | undefined): void {
    globalThis.clearTimeout(timer as NodeJS.Timeout);
  }

  afterInput(fn: () => void): void {
    nativeSetImmediate(fn);
  }

  wake(): void {
    if (isFaked()) sleepersOf.rest();
    else this.#refresh();
  }

  /** Time only goes forward: after a virtual clock has run ahead, this one goes on from there. */
  continueFrom(ms: number): void {
    const behindMs = ms - this.read();
    if (behindMs > 0) this.#aheadMs += behindMs;
    this.#nowMs += Math.max(0, behindMs);
  }

  #refresh(): void {
    this.read();
    this.#readingsLeft = READS_BETWEEN_REFRESHES;
    if (this.#ticking) return;
    this.#ticking = true;
    // The ticker never keeps a process alive, and `refresh` re-arms the same timer without making another.
    if (this.#ticker === undefined)
      this.#ticker = nativeSetTimeout(() => this.#tick(), TICK_MS).unref();
    else this.#ticker.refresh();
  }

  #tick(): void {
    this.read();
    sleepersOf.rest();
    this.#ticking = this.#asked;
    this.#asked = false;
    if (this.#ticking) this.#ticker?.refresh();
  }
}

/**
 * While a test's fake timers are in use every reading is a true one, of their time, and nothing is kept. They put their
 * `clock` on what they replace; tracing tools replace it too, and don't.
 */
function isFaked(): boolean {
  // By its bare name: as a property of globalThis it would cost ten times as much.
  return setTimeout !== nativeSetTimeout && "clock" in setTimeout;
}

let knownBootId: string | undefined;

/** Linux names each boot; where there is no such name, the host's and its own age stand in for it. */
function bootId(): string {
  if (knownBootId !== undefined) return knownBootId;
  try {
    knownBootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    const bootedAtMinute = Math.round(
      (Date.now() - Number(process.hrtime.bigint() / 1_000_000n)) / 60_000,
    );
    knownBootId = `${hostname()}-${bootedAtMinute}`;
  }
  return knownBootId;
}

export const systemClock: SystemClock = new SystemClock();
useClock(systemClock);
