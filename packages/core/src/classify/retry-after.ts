import { clock } from "../time/clock.js";

/**
 * A Retry-After field (RFC 9110, section 10.2.3) in milliseconds from now: seconds, or a date. 0 for none, for a date
 * that is past, and for what cannot be read. For rules of your own.
 *
 * @example
 * classify((error) => ({ verdict: "throttled", retryAfterMs: retryAfterMsOf(error.headers["retry-after"]) }));
 */
export function retryAfterMsOf(field: unknown): number {
  if (typeof field === "number") return waitOf(field * 1_000);
  if (typeof field !== "string") return 0;
  if (/^\s*\d+(\.\d+)?\s*$/.test(field)) return waitOf(Number(field) * 1_000);
  return waitOf(Date.parse(field) - clock.wallMs());
}

/** A wait in whole milliseconds; none for what is no number. */
export function waitOf(ms: number): number {
  return ms > 0 ? Math.round(ms) : 0;
}

/** The field from whatever holds the headers: fetch's Headers, or a plain object with any spelling. */
export function retryAfterField(headers: unknown): unknown {
  if (typeof headers !== "object" || headers === null) return undefined;
  if ("get" in headers && typeof headers.get === "function")
    return headers.get("retry-after") as unknown;
  const name = Object.keys(headers).find((key) => key.toLowerCase() === "retry-after");
  return name === undefined ? undefined : (Reflect.get(headers, name) as unknown);
}
