import { enter, type Frame, leave } from "../call/call.js";
import { Admission } from "./admission.js";
import type { Driver } from "./driver.js";
import { FirstCall } from "./first-call.js";
import type { Place } from "./plan.js";
import { runTask } from "./task.js";

/** The same at the place of the call's own key, which has been found by then. */
export const offAtItsKey: Driver = (scopes, task, self, args, options) =>
  offDriver(scopes.found ?? scopes.common)(scopes, task, self, args, options);

/**
 * Every call goes through unprotected: the task's own promise is returned. Its call object is there, with the caller's
 * signal.
 */
export function offDriver(place: Place): Driver {
  const holdsNothing = new Admission([]);
  const makeCall = (signal?: AbortSignal): FirstCall =>
    new FirstCall(place, holdsNothing, signal, undefined);
  const shared: Frame = { callOptions: undefined, toCall: () => makeCall() };
  return (_scopes, task, self, args, options) => {
    const signal = options?.signal ?? undefined;
    const frame = signal === undefined ? shared : makeCall(signal);
    const outer = enter(frame);
    let promise: Promise<unknown>;
    try {
      promise = runTask(task, self, args, frame);
    } catch (error) {
      leave(outer);
      return Promise.reject(error);
    }
    leave(outer);
    return promise;
  };
}
