import type { ParsedCallOptions } from "../call/call-options.js";
import { isInsideTask } from "./nesting.js";
import type { Task } from "./plan.js";
import { rejectSoon } from "./refusals.js";
import { Run } from "./run.js";
import { type Scope, scopeFor, type Scopes } from "./scope.js";

/** For plans that can wait or repeat. One promise for the call and one for each attempt, and named steps in between. */
export function drive(
  scopes: Scopes,
  task: Task,
  self: unknown,
  args: readonly unknown[] | undefined,
  options: ParsedCallOptions | undefined,
): Promise<unknown> {
  const signal = options?.signal;
  if (signal?.aborted === true) return rejectSoon(signal.reason);
  return driveAt(scopeFor(scopes, self, args, options), task, self, args, options);
}

/** The same for a call whose scope is known: its key function has been asked, and is not asked twice. */
export function driveAt(
  scope: Scope,
  task: Task,
  self: unknown,
  args: readonly unknown[] | undefined,
  options: ParsedCallOptions | undefined,
): Promise<unknown> {
  const run = new Run(scope, task, self, args, options);
  if (run.isLimited || isInsideTask()) run.limit();
  return run.start();
}
