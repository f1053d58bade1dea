import { summarize } from "../../errors/summary.js";
import { ignoreRejection } from "../../errors/hooks.js";
import type { OverrideVerb } from "../../events/catalog.js";
import type { Request } from "./request.js";

/**
 * Whether somebody may do that to a policy, or to all of them (`'*'`). Only `true` means yes: what it throws means no
 * and becomes the cause of the error; so does a promise, as it is asked for an answer at once.
 */
export type Authorize = (by: string, verb: OverrideVerb, policy: string) => boolean;

let asked: Authorize | undefined;

export function authorizeWith(authorize: Authorize | undefined): void {
  asked = authorize;
}

/** Why not; undefined where it is allowed. */
export function whyNotAllowed({
  by,
  verb,
  policy,
}: Pick<Request, "by" | "verb" | "policy">): ReturnType<typeof summarize> | undefined {
  if (asked === undefined) return undefined;
  try {
    const answer: unknown = asked(by, verb, policy);
    if (answer === true) return undefined;
    ignoreRejection(answer);
    return { name: "NotAllowed", message: `authorize answered ${describe(answer)}` };
  } catch (error) {
    return summarize(error);
  }
}

function describe(answer: unknown): string {
  return answer instanceof Promise ? "with a promise, and not at once" : String(answer);
}
