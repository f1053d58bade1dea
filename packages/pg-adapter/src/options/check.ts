import { badInput, parseDuration } from "@breakwater/core";

/** What one option may be: a sentence for people, and its test. */
export interface Check {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
}

export type Checks = Readonly<Record<string, Check>>;

/** @throws BreakwaterError `ERR_INVALID_SPEC` for an option that there is not, and for a value that it cannot have. */
export function checkOptions(where: string, checks: Checks, given: object): void {
  for (const [name, value] of Object.entries(given)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined)
      throw badInput(`${where}.${name}`, `one of ${Object.keys(checks).join(", ")}`, value);
    if (value !== undefined && !check.holds(value))
      throw badInput(`${where}.${name}`, check.expected, value);
  }
}

export const aFlag: Check = {
  expected: "true or false",
  holds: (value) => typeof value === "boolean",
};

const LONGEST_MS = 2_147_483_647;

/** `null` takes a limit away. */
export const aLimit: Check = {
  expected: "a duration from 1 ms on: milliseconds, or a text such as '2s'; or null for no limit",
  holds: (value) => value === null || isMs(msOf(value)),
};

export const aDuration: Check = {
  expected: "a duration from 1 ms on: milliseconds, or a text such as '2s'",
  holds: (value) => isMs(msOf(value)),
};

function isMs(ms: number | undefined): boolean {
  return ms !== undefined && ms >= 1 && ms <= LONGEST_MS;
}

/** Undefined for what is no duration. */
export function msOf(duration: unknown): number | undefined {
  if (typeof duration === "number") return duration;
  return typeof duration === "string" ? parseDuration(duration) : undefined;
}
