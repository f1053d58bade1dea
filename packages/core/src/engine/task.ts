import { type Call, type Frame, runInContext } from "../call/call.js";
import type { Task } from "./plan.js";

/** Runs a task up to its first `await`. `args` undefined means that it takes the call object. */
export function runTask(
  task: Task,
  self: unknown,
  args: readonly unknown[] | undefined,
  frame: Frame,
): Promise<unknown> {
  if (args === undefined) return promiseOf(task(frame.toCall()));
  // A tenth of what the whole call costs is the spreading of an array, even of an empty one.
  return promiseOf(args.length === 0 ? task.call(self) : task.apply(self, args as unknown[]));
}

/** The same, with an asynchronous context for all that it begins. */
export function runTaskInContext(
  task: Task,
  self: unknown,
  args: readonly unknown[] | undefined,
  call: Call & Frame,
): Promise<unknown> {
  return runInContext(call, () => runTask(task, self, args, call));
}

// oxlint-disable-next-line typescript/unbound-method -- only compared, never called
const nativeThen = Promise.prototype.then;

/**
 * The promise of whatever a task returned. One that is no plain promise is followed as `await` would follow it: its own
 * `then` is called once, and only its first answer counts.
 */
function promiseOf(returned: unknown): Promise<unknown> {
  const plain =
    returned instanceof Promise && returned.constructor === Promise && returned.then === nativeThen;
  return plain ? returned : follow(returned);
}

/** A function of its own: a closure in `promiseOf` would make something for every call. */
function follow(returned: unknown): Promise<unknown> {
  return new Promise((resolve) => resolve(returned));
}
