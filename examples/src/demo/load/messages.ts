import type { CircuitState } from "@breakwater/core";

/** What became of a call. A refused one was not sent. */
export type Ending = "answered" | "failed" | "refused";

export interface EndedCall {
  /** When it should have started, on the clock of all processes. Users wait from here on. */
  readonly dueMs: number;
  readonly endedMs: number;
  readonly ending: Ending;
}

export type LoadOrder =
  | { readonly url: string }
  | { readonly firstCallMs: number }
  | { readonly isOn: boolean }
  | "finish";

/** Said once, when its first call would meet warm code. */
export interface Ready {
  readonly isReady: true;
}

/** What happened since the last report. */
export interface LoadReport {
  /** Of the calls that have begun: when they should have, and how late that was. */
  readonly begunMs: readonly number[];
  readonly latenessMs: readonly number[];
  readonly ended: readonly EndedCall[];
  readonly inFlight: number;
  readonly circuit: CircuitState | undefined;
  /** Whole retries that could be paid now. */
  readonly retriesLeft: number | undefined;
  readonly retriesDenied: number;
}
