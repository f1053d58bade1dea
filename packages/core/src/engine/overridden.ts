import { clock } from "../time/clock.js";
import type { Driver } from "./driver.js";
import { Found, scopeFor, type Scopes } from "./scope.js";

/** What a call runs on, and where. */
interface Runs {
  readonly driver: Driver;
  readonly scopes: Scopes;
}

/**
 * While an override with an end stands, each call compares the clock with that end. No timer: whoever calls first after
 * the end finds it, takes off what has ended, and runs on the driver that there is then.
 */
export function untilItEnds(driver: Driver, endsMs: number, after: () => Runs): Driver {
  return (scopes, task, self, args, options) => {
    if (clock.now() < endsMs) return driver(scopes, task, self, args, options);
    const next = after();
    return next.driver(next.scopes, task, self, args, options);
  };
}

/** Asks for the key first, once, as it says which driver the call runs on. */
export function byKey(driverOf: (key: string | undefined) => Driver): Driver {
  return (scopes, task, self, args, options) => {
    const scope = scopeFor(scopes, self, args, options);
    return driverOf(scope.key)(new Found(scope), task, self, args, options);
  };
}
