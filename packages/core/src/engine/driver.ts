import type { ParsedCallOptions } from "../call/call-options.js";
import type { Task } from "./plan.js";
import type { Scopes } from "./scope.js";

/** Runs one call. `args` undefined means that the task takes a call object. Never throws. */
export type Driver = (
  scopes: Scopes,
  task: Task,
  self: unknown,
  args: readonly unknown[] | undefined,
  options: ParsedCallOptions | undefined,
) => Promise<unknown>;
