import type { OutcomeRules, Said } from "@breakwater/core";
import { PoolExhaustedError } from "../errors/pool-exhausted.js";
import { judgePgError, sayOf } from "./judge.js";
import { phaseOf } from "./phases.js";

/** What outcomes of a pool mean; asked where the policy's own rules leave it open. */
export const pgRules: OutcomeRules = {
  error: judge,
  result: () => "success", // whatever the rows say
};

function judge(error: unknown): Said {
  if (error instanceof PoolExhaustedError) return { verdict: "throttled", unsent: true };
  return sayOf(judgePgError(error, phaseOf(error)));
}
