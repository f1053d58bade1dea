import type { Driver } from "../../engine/driver.js";
import { clock } from "../../time/clock.js";
import type { Measures } from "./measures.js";

/** The same driver, with each call measured: costs a promise and two looks at the clock. */
export function measured(driver: Driver, measures: Measures): Driver {
  return (scopes, task, self, args, options) => {
    const beganMs = clock.read();
    return driver(scopes, task, self, args, options).then(
      (value) => {
        measures.took(beganMs);
        return value;
      },
      (error: unknown) => {
        measures.ofError(error, beganMs);
        throw error;
      },
    );
  };
}
