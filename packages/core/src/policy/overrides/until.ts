import { clock } from "../../time/clock.js";
import { parseDuration } from "../../time/duration.js";

/** When an override ends, as it was asked for. */
export type Until = Date | number | string;

export const UNTIL =
  "a Date, a text such as '2026-11-24T03:45:00Z' or '30m' (at most 366 days), or 'cleared'";
/** In each process that reads the file a duration would begin anew, and never end for jobs that start every minute. */
export const UNTIL_IN_FILE =
  "a text such as '2026-11-24T03:45:00Z' or '2026-11-24T03:45+01:00', or 'cleared' (a duration would begin anew in each process)";

/** Without a zone it would be another moment on another host. */
const ISO_WITH_ZONE = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/;
/** A number of milliseconds above this is a time that somebody took for a duration. */
const LONGEST_MS = 366 * 86_400_000;

export function isUntil(value: unknown, isFile: boolean): boolean {
  if (value === "cleared") return true;
  if (typeof value === "string" && ISO_WITH_ZONE.test(value))
    return !Number.isNaN(Date.parse(value));
  if (isFile) return false;
  if (value instanceof Date) return !Number.isNaN(value.getTime());
  const ms = typeof value === "string" ? parseDuration(value) : value;
  return typeof ms === "number" && ms > 0 && ms <= LONGEST_MS;
}

/**
 * How long it is until then, and which wall time to show. What is left is fixed here, once, and counted on the monotonic
 * clock from now on: a wall clock that is set later on neither prolongs nor shortens it.
 */
export function whenOf(until: Until): { readonly leftMs: number; readonly shown: string } {
  if (until === "cleared") return { leftMs: Infinity, shown: until };
  const ms = typeof until === "string" ? parseDuration(until) : until;
  if (typeof ms === "number") return { leftMs: ms, shown: iso(clock.wallMs() + ms) };
  const atMs = until instanceof Date ? until.getTime() : Date.parse(until as string);
  return { leftMs: atMs - clock.wallMs(), shown: iso(atMs) };
}

export function iso(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
