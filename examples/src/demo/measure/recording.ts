import type { EndedCall, LoadReport } from "../load/messages.js";
import { Timeline, Track } from "./timeline.js";

/** The last of a client's own readings. */
export type Gauges = Pick<LoadReport, "inFlight" | "circuit" | "retriesLeft" | "retriesDenied">;

/** All that happened to one client and its upstream. Times count from the first call. */
export class Recording {
  readonly calls = new Timeline();
  readonly answered = new Timeline();
  /** What reached the upstream, by its own count. */
  readonly requests = new Timeline();
  readonly gauges = new Track<Gauges>();
  readonly latenciesMs: number[] = [];
  readonly latenessMs: number[] = [];
  totals = {
    calls: 0,
    answered: 0,
    failed: 0,
    refused: 0,
    requests: 0,
    retriesDenied: 0,
    inFlight: 0,
  };

  addLoad(report: LoadReport, elapsedMs: number, originMs: number): void {
    for (const atMs of report.begunMs) this.calls.add(atMs - originMs);
    for (const call of report.ended) this.#addEnded(call, originMs);
    this.latenessMs.push(...report.latenessMs);
    this.gauges.set(elapsedMs, report);
    this.totals.calls += report.begunMs.length;
    this.totals.inFlight = report.inFlight;
    this.totals.retriesDenied = report.retriesDenied;
  }

  addRequests(requestsMs: readonly number[], originMs: number): void {
    for (const atMs of requestsMs) this.requests.add(atMs - originMs);
    this.totals.requests += requestsMs.length;
  }

  #addEnded({ dueMs, endedMs, ending }: EndedCall, originMs: number): void {
    this.latenciesMs.push(endedMs - dueMs);
    if (ending === "answered") this.answered.add(endedMs - originMs);
    this.totals[ending]++;
  }
}
