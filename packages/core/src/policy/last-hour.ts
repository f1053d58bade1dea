import type { Counters } from "../engine/counters.js";
import { clock } from "../time/clock.js";

interface Sample {
  readonly atMs: number;
  readonly calls: number;
  readonly retries: number;
}

/** Retries as a share of the calls, and over how long. */
export interface RetryShare {
  readonly share: number;
  readonly calls: number;
  readonly overMs: number;
}

const HOUR_MS = 3_600_000;
const APART_MS = 60_000;

/**
 * The retries of the last hour, out of counters that are kept anyway: whoever looks leaves a sample, at most one a
 * minute, and the next one compares. So no call pays for it, and whoever never looked before is told since when it counts.
 */
export class LastHour {
  #samples: readonly Sample[];

  constructor() {
    this.#samples = [{ atMs: clock.now(), calls: 0, retries: 0 }];
  }

  look(counters: Counters): RetryShare {
    const atMs = clock.read();
    const now = { atMs, calls: counters.begun - counters.retries, retries: counters.retries };
    this.#samples = recent(this.#samples, atMs);
    const since = this.#samples[0] ?? now;
    if (atMs - (this.#samples.at(-1)?.atMs ?? -Infinity) >= APART_MS)
      this.#samples = [...this.#samples, now];
    const calls = now.calls - since.calls;
    const retries = now.retries - since.retries;
    return { share: calls === 0 ? 0 : retries / calls, calls, overMs: atMs - since.atMs };
  }
}

/** Of those that are older than an hour the newest stays, where there is no other to compare with. */
function recent(samples: readonly Sample[], nowMs: number): readonly Sample[] {
  const within = samples.filter(({ atMs }) => nowMs - atMs <= HOUR_MS);
  return within.length > 0 ? within : samples.slice(-1);
}
