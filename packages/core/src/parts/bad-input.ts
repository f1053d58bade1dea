import type { BreakwaterError } from "../errors/errors.js";
import { invalidSpec } from "./options.js";

/**
 * For adapters: the error for what cannot work: where, what was expected, what was received, and what to do. Of an object it
 * shows the names of its keys and never their values: options of a client may hold passwords.
 *
 * @returns a `BreakwaterError` with the code `ERR_INVALID_SPEC` and one issue, to be thrown.
 * @example
 * if (typeof given !== "object") throw badInput("wrapQueue", "an object with options", given);
 */
export function badInput(
  path: string,
  expected: string,
  value: unknown,
  hint?: string,
): BreakwaterError {
  const received = withoutValues(value);
  return invalidSpec([{ path, expected, received, ...(hint === undefined ? {} : { hint }) }]);
}

function withoutValues(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return `the function ${value.name || "(without a name)"}`;
  if (typeof value !== "object" || value === null) return String(value);
  return `an object with ${Object.keys(value).slice(0, 5).join(", ") || "nothing in it"}`;
}
