import type { Driver } from "../../engine/driver.js";
import { isRefusalBy } from "../../engine/report.js";
import { clock } from "../../time/clock.js";
import { VERDICTS } from "../../verdicts/verdict.js";
import type { Measures } from "./measures.js";

/** The same driver, with each call measured: costs a promise, two looks at the clock, and one at the result. */
export function measured(driver: Driver, measures: Measures): Driver {
  return (scopes, task, self, args, options) => {
    const { policy, classifier } = scopes.plan;
    const beganMs = clock.read();
    return driver(scopes, task, self, args, options).then(
      (value) => {
        const { verdict } = classifier.forCall(options?.classify).result(value);
        measures.ran(beganMs, verdict !== VERDICTS.success);
        return value;
      },
      (error: unknown) => {
        if (isRefusalBy(policy, error)) measures.refused++;
        else measures.ran(beganMs, true);
        throw error;
      },
    );
  };
}
