import { summarize } from "../../errors/summary.js";
import { eventOf, tell } from "../../events/audience.js";
import type { EventDetails, EventOf, EventType } from "../../events/catalog.js";
import { deliverSoon } from "../../events/delivery.js";
import { hub } from "../../events/hub.js";

export type OverrideEventType = Extract<EventType, `override.${string}`>;

/** What was done by whom to which policy, why, and until when; also what was not allowed. */
export type AuditEntry = EventOf<OverrideEventType>;

/** Keeps what operators did. It gets plain data; what it throws or rejects becomes an event. */
export type AuditSink = (entry: AuditEntry) => unknown;

const sinks = new Set<{ readonly sink: AuditSink }>();

export function auditTo(sink: AuditSink): () => void {
  const registration = { sink };
  sinks.add(registration);
  return () => void sinks.delete(registration);
}

/** To who watches all policies, and to every sink. */
export function report<T extends OverrideEventType>(
  policy: string,
  type: T,
  details: EventDetails[T],
): void {
  tell(hub, { policy }, type, details);
  if (sinks.size === 0) return;
  const entry = eventOf({ policy }, type, details);
  for (const { sink } of sinks)
    deliverSoon(sink as (event: unknown) => unknown, entry, (error) =>
      tell(hub, { policy }, "hook.failed", { hook: "audit", error: summarize(error) }),
    );
}
