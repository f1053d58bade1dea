/** What tests of code that uses Breakwater need: virtual time, fresh state, scripted tasks, a log of events. */
import { statefulParts } from "../parts/part.js";
import { board } from "../policy/overrides/board.js";
import type { EventType, ResilienceEvent } from "../events/catalog.js";
import type { Watchable } from "../events/listeners.js";
import { forgetAwaited } from "../policy/registry-snapshot.js";

export { installVirtualClock, type VirtualClock } from "./virtual-clock.js";
export {
  hangs,
  returns,
  scriptedTask,
  type ScriptedRun,
  type ScriptedTask,
  type Step,
  throws,
} from "./scripted-task.js";

/**
 * Puts every breaker, budget and bulkhead of the process back to how it was made: closed, full, empty; and takes off all
 * overrides. Work that is running keeps its permits; work that has outlived its attempt is given up. Restored state that
 * awaits policies is gone.
 *
 * @example
 * afterEach(resetState);
 */
export function resetState(): void {
  for (const override of board.standing) board.end(override, { ended: "cleared" });
  for (const part of statefulParts()) part.reset();
  forgetAwaited();
}

/**
 * The events of a policy, or of all in the registry, from now on, in order: those of `'*'`, or of the types that are named.
 *
 * @example
 * const events = eventLog(policy, "retry.scheduled", "circuit.opened");
 */
export function eventLog(
  watched: Watchable,
  ...types: readonly EventType[]
): readonly ResilienceEvent[] {
  const log: ResilienceEvent[] = [];
  const add = (event: ResilienceEvent): void => void log.push(event);
  if (types.length === 0) watched.on("*", add);
  for (const type of types) watched.on(type, add);
  return log;
}
