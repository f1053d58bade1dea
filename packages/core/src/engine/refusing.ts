import type { Refusal } from "../guards/guard.js";
import type { Driver } from "./driver.js";
import type { Plan } from "./plan.js";
import { refusalError, rejectSoon, reportRefusal } from "./refusals.js";
import { scopeFor } from "./scope.js";

/** Takes the place of a plan's driver: from now on every call is refused. */
export function refusing(refusalOf: (plan: Plan) => Refusal): Driver {
  return (scopes, _task, self, args, options) => {
    const scope = scopeFor(scopes, self, args, options);
    const error = refusalError(scope, refusalOf(scope.plan));
    reportRefusal(scope, error);
    return rejectSoon(error);
  };
}
