import { clock } from "../time/clock.js";

/**
 * A Retry-After field (RFC 9110, section 10.2.3) in milliseconds from now: seconds, or a date. 0 for none and for what
 * cannot be read.
 */
export function retryAfterMsOf(field: unknown): number {
  if (typeof field === "number") return field > 0 ? Math.round(field * 1_000) : 0;
  if (typeof field !== "string" || field.trim() === "") return 0;
  if (/^\s*\d+(\.\d+)?\s*$/.test(field)) return Math.round(Number(field) * 1_000);
  const untilMs = Date.parse(field);
  return Number.isNaN(untilMs) ? 0 : Math.max(0, untilMs - clock.wallMs());
}

/** The field from whatever holds the headers: fetch's Headers, or a plain object with any spelling. */
export function retryAfterField(headers: unknown): unknown {
  if (typeof headers !== "object" || headers === null) return undefined;
  if ("get" in headers && typeof headers.get === "function")
    return headers.get("retry-after") as unknown;
  const name = Object.keys(headers).find((key) => key.toLowerCase() === "retry-after");
  return name === undefined ? undefined : (Reflect.get(headers, name) as unknown);
}
