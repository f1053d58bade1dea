import { BreakwaterError } from "../errors/errors.js";
import { parseDuration } from "../time/duration.js";
import type { CallOptions } from "./call.js";

/** The options of one call as the engine takes them. */
export interface ParsedCallOptions extends CallOptions {
  readonly deadlineMs?: number | undefined;
}

const NAMES = "signal, key, deadlineMs, idempotent, maxAttempts, classify";

/** A switch, and not a set of names, as each option of each call is asked for here. */
function isOption(name: string): boolean {
  switch (name) {
    case "signal":
    case "key":
    case "deadlineMs":
    case "idempotent":
    case "maxAttempts":
    case "classify":
      return true;
    default:
      return false;
  }
}

/**
 * Checks the options of one call.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` with what is wrong.
 */
export function parseCallOptions(options: CallOptions): ParsedCallOptions {
  const { signal, key, deadlineMs, idempotent, maxAttempts, classify } = options;
  // Each call comes here, and `Object.keys` would make an array.
  for (const name in options)
    if (!isOption(name) && Object.hasOwn(options, name))
      throw wrong(name, `one of ${NAMES}`, Reflect.get(options, name));
  if (isSet(signal) && typeof signal.addEventListener !== "function")
    throw wrong("signal", "an AbortSignal", signal);
  if (isSet(key) && typeof key !== "string") throw wrong("key", "a text", key);
  if (isSet(idempotent) && typeof idempotent !== "boolean")
    throw wrong("idempotent", "true or false", idempotent);
  if (isSet(maxAttempts) && !isCount(maxAttempts))
    throw wrong("maxAttempts", "a whole number from 1 to 100", maxAttempts);
  if (isSet(classify) && typeof classify !== "object")
    throw wrong("classify", "an object with rules: { error, result }", classify);
  const ms = typeof deadlineMs === "string" ? parseDuration(deadlineMs) : (deadlineMs ?? undefined);
  if (isSet(deadlineMs) && !(typeof ms === "number" && ms >= 0))
    throw wrong("deadlineMs", "a duration: milliseconds, or a text such as '2s'", deadlineMs);
  return ms === deadlineMs ? (options as ParsedCallOptions) : { ...options, deadlineMs: ms };
}

/** `null` is what JSON and many callers have for "not given". */
function isSet<T>(value: T | undefined | null): value is T {
  return value !== undefined && value !== null;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 100;
}

function wrong(option: string, expected: string, value: unknown): BreakwaterError {
  const received =
    typeof value === "string"
      ? JSON.stringify(value)
      : typeof value === "number"
        ? String(value)
        : `a value of type ${typeof value}`;
  const issue = { path: `call.${option}`, expected, received };
  const message = `Invalid options of a call: ${option}: expected ${expected}, received ${received}.`;
  return new BreakwaterError("ERR_INVALID_SPEC", message, { issues: [issue] });
}
