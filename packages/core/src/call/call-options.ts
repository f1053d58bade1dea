import { BreakwaterError } from "../errors/errors.js";
import type { CallOptions } from "./call.js";

/** What is wrong with the options of one call, as the error to reject it with; undefined when nothing is. */
export function wrongCallOptions(options: CallOptions): BreakwaterError | undefined {
  const { signal, key, deadlineMs, idempotent } = options;
  if (isSet(signal) && typeof signal.addEventListener !== "function")
    return wrong("signal", "an AbortSignal", signal);
  if (isSet(key) && typeof key !== "string") return wrong("key", "a text", key);
  if (isSet(deadlineMs) && !(typeof deadlineMs === "number" && deadlineMs >= 0))
    return wrong("deadlineMs", "milliseconds from now, 0 or more", deadlineMs);
  if (isSet(idempotent) && typeof idempotent !== "boolean")
    return wrong("idempotent", "true or false", idempotent);
  return undefined;
}

/** `null` is what JSON and many callers have for "not given". */
function isSet<T>(value: T | undefined | null): value is T {
  return value !== undefined && value !== null;
}

function wrong(option: string, expected: string, value: unknown): BreakwaterError {
  const received = typeof value === "string" ? JSON.stringify(value) : String(value);
  const issue = { path: `call.${option}`, expected, received };
  const message = `Invalid options of a call: ${option}: expected ${expected}, received ${received}.`;
  return new BreakwaterError("ERR_INVALID_SPEC", message, { issues: [issue] });
}
