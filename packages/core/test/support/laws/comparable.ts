import {
  BreakwaterError,
  type EventType,
  explainError,
  type ResilienceEvent,
} from "@breakwater/core";
import type { CallRecord, Settled, World } from "./world.js";

/** Everything that can be observed of a world, as plain data: results, runs, events and state. */
export interface Comparable {
  readonly calls: readonly object[];
  readonly events: readonly Omit<ResilienceEvent, "at">[];
  readonly state: object;
}

/** Two worlds that behave alike are equal in this form. Wall time is left out: only what is stored has it. */
export function comparable(world: World, without: readonly EventType[] = []): Comparable {
  return {
    calls: world.calls.map(({ runs, settled }) => ({
      runs: runs.map(plainRun),
      settled: settled && plain(settled),
    })),
    events: world.events.filter(({ type }) => !without.includes(type)).map(withoutTime),
    state: world.state(),
  };
}

function withoutTime(event: ResilienceEvent): Omit<ResilienceEvent, "at"> {
  const { at: _, ...rest } = event;
  return rest;
}

function plainRun({ ended, ...run }: CallRecord["runs"][number]): object {
  return { ...run, ended: ended && plain(ended) };
}

/** An error by everything that it says, with the report of its call. */
function plain(settled: Settled & { readonly atMs: number }): object {
  if ("value" in settled) return settled;
  const { error, atMs } = settled;
  const said = error instanceof BreakwaterError ? fieldsOf(error) : {};
  return { error: String(error), ...said, report: String(explainError(error)), atMs };
}

function fieldsOf({ code, policy, guard, key, retryAfterMs, cause }: BreakwaterError): object {
  return { code, policy, guard, key, retryAfterMs, cause };
}
