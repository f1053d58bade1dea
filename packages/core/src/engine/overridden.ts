import { clock } from "../time/clock.js";
import type { Driver } from "./driver.js";
import { Found, scopeFor } from "./scope.js";

/**
 * While an override with an end stands, each call compares the clock with that end. No timer: whoever calls first after
 * the end finds it, takes off what has ended, and runs on the driver that there is then.
 */
export function untilItEnds(driver: Driver, endsMs: number, driverAfter: () => Driver): Driver {
  return (scopes, task, self, args, options) =>
    (clock.now() < endsMs ? driver : driverAfter())(scopes, task, self, args, options);
}

/** Asks for the key first, once, as it says which driver the call runs on. */
export function byKey(driverOf: (key: string | undefined) => Driver): Driver {
  return (scopes, task, self, args, options) => {
    const scope = scopeFor(scopes, self, args, options);
    return driverOf(scope.key)(new Found(scope), task, self, args, options);
  };
}
