import type { EventDetails } from "../events/catalog.js";
import type { VerdictName } from "../verdicts/verdict.js";
import type { Place } from "./plan.js";

/** An attempt has failed, and this is the next one. */
export function tellScheduled(
  { plan: { events }, key }: Place,
  attempt: number,
  delayMs: number,
  verdict: VerdictName,
): void {
  if (!events.wanted) return;
  const next = { attempt, delayMs, verdict };
  events.emit("retry.scheduled", key === undefined ? next : { key, ...next });
}

/** A retry that was worth making is not made. */
export function tellDenied(
  { plan: { counters, events }, key }: Place,
  attempt: number,
  by: EventDetails["retry.denied"]["by"],
): void {
  counters.deniedRetries++;
  if (!events.wanted) return;
  const denied = { attempt, by };
  events.emit("retry.denied", key === undefined ? denied : { key, ...denied });
}
