import type { Driver } from "../../engine/driver.js";
import { keyFor, type Scopes } from "../../engine/scope.js";
import type { Plan } from "../../engine/plan.js";

/** Where some of the calls run. */
interface Destination {
  readonly driver: Driver;
  readonly scopes: Scopes;
}

/** Sends each call to its cohort, by its key. The key function is asked here, and not again. */
export function splitByKey(
  key: Plan["key"],
  destinationOf: (key: string | undefined) => Destination,
): Driver {
  return ({ plan }, task, self, args, options) => {
    const found = keyFor({ key, events: plan.events }, self, args, options);
    const { driver, scopes } = destinationOf(found);
    const given =
      found === undefined || found === options?.key ? options : { ...options, key: found };
    return driver(scopes, task, self, args, given);
  };
}
