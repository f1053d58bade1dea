import { clock } from "../time/clock.js";
import { EVENTS, type EventDetails, type EventType, type ResilienceEvent } from "./catalog.js";

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
  readonly policies?: readonly string[];
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
  { policy, policies }: Source,
  type: T,
  details: EventDetails[T],
): ResilienceEvent {
  return {
    type,
    policy,
    ...(policies === undefined ? {} : { policies }),
    severity: EVENTS[type].severity,
    at: clock.wallMs(),
    ...details,
  } as unknown as ResilienceEvent;
}
