import { invalidSpec, issueOf } from "../parts/options.js";
import { type Duration, parseDuration } from "../time/duration.js";

const DEFAULT_GRACE_MS = 10_000;

/** @throws BreakwaterError `ERR_INVALID_SPEC` */
export function parseGrace(graceMs: Duration = DEFAULT_GRACE_MS): number {
  const ms = typeof graceMs === "string" ? parseDuration(graceMs) : graceMs;
  if (typeof ms === "number" && ms >= 0) return ms;
  throw invalidSpec([
    issueOf("drain.graceMs", "a duration: milliseconds, or a text such as '2s'", graceMs),
  ]);
}
