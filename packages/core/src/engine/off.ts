import { type CallOptions, enter, type Frame, leave } from "../call/call.js";
import { Admission } from "./admission.js";
import type { Driver } from "./driver.js";
import { FirstCall } from "./first-call.js";
import type { Place } from "./plan.js";

/**
 * Every call goes through unprotected: the task's own promise is returned. Its call object is there, with the caller's
 * signal. It calls the task here, and not where the other drivers do: that place has seen many tasks, and so is slow.
 */
export function offDriver(place: Place): Driver {
  const holdsNothing = new Admission([]);
  const makeCall = (signal?: AbortSignal): FirstCall =>
    new FirstCall(place, holdsNothing, signal, undefined);
  const shared: Frame = { callOptions: undefined, toCall: () => makeCall() };
  return (_scopes, task, self, args, options) => {
    const frame = options === undefined ? shared : frameFor(options, shared, makeCall);
    const outer = enter(frame);
    try {
      if (args === undefined) return promiseOf(task(frame.toCall()));
      return promiseOf(args.length === 0 ? task.call(self) : task.apply(self, args as unknown[]));
    } catch (error) {
      return Promise.reject(error);
    } finally {
      leave(outer);
    }
  };
}

function frameFor(
  options: CallOptions,
  shared: Frame,
  makeCall: (signal?: AbortSignal) => FirstCall,
): Frame {
  const signal = options.signal ?? undefined;
  return signal === undefined ? shared : makeCall(signal);
}

function promiseOf(returned: unknown): Promise<unknown> {
  return returned instanceof Promise ? returned : Promise.resolve(returned);
}
