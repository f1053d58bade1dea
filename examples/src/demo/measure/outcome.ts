import type { ClientName } from "../clients/catalogue.js";
import { MAX_LATENESS_MS, type Schedule } from "../scenario.js";
import { type Claim, judge } from "./claims.js";
import { percentileMs } from "./percentile.js";
import type { Recording } from "./recording.js";
import { summarise, type Summary } from "./summary.js";

/** All that a run has come to. */
export interface Outcome {
  readonly clients: Readonly<Partial<Record<ClientName, Summary>>>;
  /** How late calls were started, at the 99th percentile of the client that was worst. */
  readonly latenessMs: number;
  readonly valid: boolean;
  readonly claims: readonly Claim[];
}

export interface Recorded {
  readonly name: ClientName;
  readonly recording: Recording;
}

export function outcomeOf(lanes: readonly Recorded[], schedule: Schedule, openMs: number): Outcome {
  const clients = Object.fromEntries(
    lanes.map(({ name, recording }) => [name, summarise(recording, schedule)]),
  ) as Record<ClientName, Summary>; // the three that are compared are in every run
  const latenessMs = Math.max(
    ...lanes.map(({ recording }) => percentileMs(recording.latenessMs, 99)),
  );
  const valid = latenessMs <= MAX_LATENESS_MS;
  return { clients, latenessMs, valid, claims: judge(clients, openMs) };
}
