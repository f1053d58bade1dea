import { clock } from "../time/clock.js";
import {
  type Cohort,
  EVENTS,
  type EventDetails,
  type EventType,
  type ResilienceEvent,
  type Severity,
} from "./catalog.js";

/** What can be listened to: one type of event, or all but those of single calls. */
export type Heard = EventType | "*";

/** Somebody who may hear of an event. */
export interface Audience {
  hears(type: Heard): boolean;
  hear(type: Heard, event: ResilienceEvent): void;
}

/** Where an event comes from. */
export interface Source {
  readonly policy: string;
  readonly policies?: readonly string[] | undefined;
  readonly cohort?: Cohort | undefined;
  /** What happened, happened to books that are kept beside the calls. */
  readonly mode?: "shadow" | undefined;
}

/** The event is made only if somebody hears it. */
export function tell<T extends EventType>(
  audience: Audience,
  source: Source,
  type: T,
  details: EventDetails[T],
): void {
  const forAll = !EVENTS[type].perCall && audience.hears("*");
  if (!forAll && !audience.hears(type)) return;
  const event = eventOf(source, type, details);
  audience.hear(type, event);
  if (forAll) audience.hear("*", event);
}

export function eventOf<T extends EventType>(
  { policy, policies, cohort, mode }: Source,
  type: T,
  details: EventDetails[T],
): ResilienceEvent {
  // That `type` and `details` belong together is lost when they are put into one object.
  return {
    type,
    policy,
    ...(policies === undefined ? {} : { policies }),
    ...(cohort === undefined ? {} : { cohort }),
    ...(mode === undefined ? {} : { mode }),
    severity: severityOf(type, mode),
    at: clock.wallMs(),
    ...details,
  } as unknown as ResilienceEvent;
}

/** A circuit in shadow refuses nobody: nothing that anybody should be called out for. */
function severityOf(type: EventType, mode: Source["mode"]): Severity {
  return mode === "shadow" && type.startsWith("circuit.") ? "info" : EVENTS[type].severity;
}
