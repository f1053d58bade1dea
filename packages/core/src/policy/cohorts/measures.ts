import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { clock } from "../../time/clock.js";

const PER_MS = 1_000;
const LONGEST_US = 3_600_000 * PER_MS;

/** How the calls of a cohort ended, and how long they took. */
export class Measures {
  ended = 0;
  failed = 0;
  refused = 0;
  /** Within 1 %, in 26 kB: made with the first call, as most policies of a large service are hardly called. */
  #tookUs: RecordableHistogram | undefined = undefined;

  /** Refused calls are counted, and not timed: they would make whoever refuses look quick. */
  ran(sinceMs: number, failed: boolean): void {
    this.ended++;
    if (failed) this.failed++;
    const us = Math.round((clock.read() - sinceMs) * PER_MS);
    this.#tookUs ??= createHistogram({ highest: LONGEST_US, figures: 2 });
    this.#tookUs.record(Math.min(LONGEST_US, Math.max(1, us)));
  }

  /** In milliseconds; 0 while there is nothing to measure. */
  percentileMs(percent: number): number {
    return (this.#tookUs?.percentile(percent) ?? 0) / PER_MS;
  }
}
