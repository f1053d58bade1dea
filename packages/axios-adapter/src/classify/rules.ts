import type { OutcomeRules, Said } from "@breakwater/core";
import type { AxiosResponse } from "axios";
import type { AxiosOptions } from "../options/install-options.js";
import { judgeError } from "./judge-error.js";
import { judgeStatus } from "./judge-status.js";
import { isUnparsable } from "./unparsable.js";

/** What outcomes of requests mean; asked where the policy's own rules leave it open. */
export function rulesFor({ isFailure }: Pick<AxiosOptions, "isFailure">): OutcomeRules {
  return {
    error: judgeError,
    result: (response) => judgeResponse(response as AxiosResponse, isFailure),
  };
}

/** A response that axios lets through: as `validateStatus` says, its status may still mean failure. */
function judgeResponse(response: AxiosResponse, isFailure: AxiosOptions["isFailure"]): Said {
  const said = isFailure?.(response);
  if (said === true) return "transient";
  if (said !== undefined && said !== false) return said;
  if (isUnparsable(response)) return "transient";
  const byStatus = judgeStatus(response);
  return byStatus === "permanent" ? "success" : byStatus;
}
