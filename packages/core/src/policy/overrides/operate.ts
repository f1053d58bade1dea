import type { ErrorSummary } from "../../errors/summary.js";
import type { OverrideDetails } from "../../events/catalog.js";
import { invalidSpec } from "../../parts/options.js";
import { type Authorize, authorizeWith, whyNotAllowed } from "./authority.js";
import { board } from "./board.js";
import { Override } from "./override.js";
import { whenOf } from "./until.js";
import { notAllowed, type OverrideRequest, parseRequest, type Request } from "./request.js";

/** What has been set, to take it off again. */
export interface OverrideHandle {
  readonly id: string;
  /** Takes it off; nothing if it has ended already. `by` and `why` are for the audit; default: those that set it. */
  clear(by?: string, why?: string): void;
}

/** @throws BreakwaterError `ERR_INVALID_SPEC`, `ERR_OVERRIDE_REFUSED` */
export function setOverride(given: OverrideRequest): OverrideHandle {
  const request = parseRequest(given);
  const refused = refusalOf(request, "code");
  if (refused !== undefined) throw notAllowed(request, refused);
  const done = enact(request, "code");
  if (typeof done === "string") return { id: done, clear: () => {} };
  return {
    id: done.id,
    clear: (by = done.by, why = done.why) =>
      board.end(done, { ended: "cleared", endedBy: by, endedWhy: why }),
  };
}

/** Asks whether it is allowed. Who may not has left a trace all the same. */
export function refusalOf(request: Request, source: string): object | undefined {
  const error = whyNotAllowed(request);
  if (error !== undefined) tellRefused(request, source, error);
  return error;
}

export function tellRefused(request: Request, source: string, error: ErrorSummary): void {
  board.tell("override.refused", { ...detailsOf(request, source), error });
}

/** The override that stands now; or of what acts once, under which id it has acted. */
export function enact(request: Request, source: string): Override | string {
  board.settle();
  if (request.verb === "reset" || request.verb === "clear") return act(request, source);
  if (request.verb === "tune") mustFit(request);
  const override = new Override(request, board.nextNumber(), source);
  board.set(override);
  return override;
}

/** @throws BreakwaterError `ERR_INVALID_SPEC` where the policy that there is cannot be tuned so. */
function mustFit({ policy: target, patch = {} }: Request): void {
  const policies = [...board.policiesUnder({ isOver: (policy) => policy === target })];
  const issues = policies.flatMap((policy) => policy.problemsOf(patch));
  if (issues.length > 0) throw invalidSpec(issues);
}

function act(request: Request, source: string): string {
  if (request.verb === "reset") reset(request);
  else clear(request);
  const details = detailsOf(request, source);
  board.tell("override.acted", details);
  return details.id;
}

function reset({ policy: target, key }: Request): void {
  const isOver = (policy: string): boolean => target === "*" || target === policy;
  for (const policy of board.policiesUnder({ isOver })) policy.reset(key);
}

/** Blocks last: what a bypass of the same calls leaves closed is half-open after them. */
function clear({ policy, key, by, why }: Request): void {
  const meant = board.standing.filter(
    (override) =>
      (policy === "*" || override.policy === policy) && (key === undefined || override.key === key),
  );
  for (const override of meant.toReversed())
    board.end(override, { ended: "cleared", endedBy: by, endedWhy: why });
}

/** Whoever is asked from now on is asked about what stands, too: files may have been read before. */
export function authorize(ask: Authorize | undefined): void {
  authorizeWith(ask);
  for (const override of board.standing) {
    const error = whyNotAllowed(override);
    if (error === undefined) continue;
    board.tell("override.refused", { ...override.details, error });
    board.end(override, { ended: "cleared", endedWhy: "not allowed" });
  }
}

function detailsOf(request: Request, source: string): OverrideDetails {
  const { verb, policy: target, key, by, why, until } = request;
  return {
    id: `override-${board.nextNumber()}`,
    verb,
    target,
    ...(key === undefined ? {} : { key }),
    by,
    why,
    ...(until === undefined ? {} : { until: whenOf(until).shown }),
    source,
  };
}
