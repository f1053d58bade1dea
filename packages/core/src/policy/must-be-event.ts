import { EVENTS, type EventType } from "../events/catalog.js";
import { invalidSpec, issueOf } from "../parts/options.js";

/** @throws BreakwaterError `ERR_INVALID_SPEC` for a type of event that there is not. */
export function mustBeEvent(at: string, type: unknown): void {
  if (type === "*" || Object.hasOwn(EVENTS, type as EventType)) return;
  throw invalidSpec([issueOf(at, `'*' or one of ${Object.keys(EVENTS).join(", ")}`, type)]);
}
