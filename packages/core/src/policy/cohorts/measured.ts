import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import type { Driver } from "../../engine/driver.js";
import { isRefusal } from "../../errors/errors.js";
import { clock } from "../../time/clock.js";

const PER_MS = 1_000;
const LONGEST_US = 3_600_000 * PER_MS;

/** How the calls of a cohort ended, and how long they took. */
export class Measures {
  ended = 0;
  failed = 0;
  refused = 0;
  readonly #tookUs: RecordableHistogram = createHistogram({ highest: LONGEST_US, figures: 3 });

  took(sinceMs: number): void {
    this.ended++;
    const us = Math.round((clock.read() - sinceMs) * PER_MS);
    this.#tookUs.record(Math.min(LONGEST_US, Math.max(1, us)));
  }

  /** In milliseconds; 0 while there is nothing to measure. */
  percentileMs(percent: number): number {
    return this.#tookUs.count === 0 ? 0 : this.#tookUs.percentile(percent) / PER_MS;
  }

  /** Refused calls are counted, and not timed: they would make whoever refuses look quick. */
  ofError(error: unknown, sinceMs: number): void {
    if (isRefusal(error)) {
      this.refused++;
      return;
    }
    this.failed++;
    this.took(sinceMs);
  }
}

/** The same driver, with each call measured: costs a promise and two looks at the clock. */
export function measured(driver: Driver, measures: Measures): Driver {
  return (scopes, task, self, args, options) => {
    const beganMs = clock.read();
    return driver(scopes, task, self, args, options).then(
      (value) => {
        measures.took(beganMs);
        return value;
      },
      (error: unknown) => {
        measures.ofError(error, beganMs);
        throw error;
      },
    );
  };
}
