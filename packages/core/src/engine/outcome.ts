import type { StoppedBy } from "../events/catalog.js";
import type { Events } from "../events/events.js";
import { type Judgement, JUDGED, type VerdictName } from "../verdicts/verdict.js";
import type { Place, Plan } from "./plan.js";

/**
 * What an error means for this call. Once the caller has given up, whatever the task throws is that abort and nobody's
 * failure; unless the caller gave up because time was up, which would blind a breaker behind `AbortSignal.timeout`.
 */
export function judgeFailure(
  { classifier }: Pick<Plan, "classifier">,
  error: unknown,
  signal: AbortSignal | undefined,
): Judgement {
  if (signal?.aborted === true) return isTimeout(signal.reason) ? JUDGED.timeout : JUDGED.aborted;
  return classifier.error(error);
}

function isTimeout(reason: unknown): boolean {
  return (
    typeof reason === "object" &&
    reason !== null &&
    "name" in reason &&
    reason.name === "TimeoutError"
  );
}

/** Counts and tells the outcome of an attempt. */
export function reportSettled({ plan, key }: Place, attempt: number, judgement: Judgement): void {
  const { counters, events } = plan;
  counters.settled(judgement);
  if (events.wanted) tellSettled(events, key, attempt, judgement.verdict.name);
}

function tellSettled(
  events: Events,
  key: string | undefined,
  attempt: number,
  verdict: VerdictName,
): void {
  events.emit(
    "attempt.settled",
    key === undefined ? { attempt, verdict } : { key, attempt, verdict },
  );
}

/** Why there is no next attempt, whatever the plan allows. */
export function finalBy(
  { verdict }: Judgement,
  signal: AbortSignal | undefined,
): StoppedBy | undefined {
  if (!verdict.retry) return FINAL[verdict.name as keyof typeof FINAL];
  return signal?.aborted === true ? "aborted" : undefined;
}

const FINAL = {
  success: "permanent", // somebody's own rule: an error, and no failure; there is nothing to repeat
  permanent: "permanent",
  ignored: "ignored",
  aborted: "aborted",
  refused: "refused",
} as const;
