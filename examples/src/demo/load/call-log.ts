import { BreakwaterError } from "@breakwater/core";
import { nowMs } from "../common/clock.js";
import type { EndedCall, Ending, LoadReport } from "./messages.js";

type Counts = Pick<LoadReport, "begunMs" | "latenessMs" | "ended" | "inFlight">;

/** Runs calls and keeps what became of them until it is taken. */
export class CallLog {
  #begunMs: number[] = [];
  #latenessMs: number[] = [];
  #ended: EndedCall[] = [];
  #inFlight = 0;

  get inFlight(): number {
    return this.#inFlight;
  }

  async run(dueMs: number, call: () => Promise<unknown>): Promise<void> {
    this.#begunMs.push(dueMs);
    this.#latenessMs.push(nowMs() - dueMs);
    this.#inFlight++;
    const ending = await call().then(() => "answered" as const, endingOf);
    this.#inFlight--;
    this.#ended.push({ dueMs, endedMs: nowMs(), ending });
  }

  take(): Counts {
    const counts = {
      begunMs: this.#begunMs,
      latenessMs: this.#latenessMs,
      ended: this.#ended,
      inFlight: this.#inFlight,
    };
    this.#begunMs = [];
    this.#latenessMs = [];
    this.#ended = [];
    return counts;
  }
}

function endingOf(error: unknown): Ending {
  return error instanceof BreakwaterError && error.isRefusal ? "refused" : "failed";
}
