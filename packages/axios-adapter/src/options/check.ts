import { badInput } from "@breakwater/core";

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
    if (value !== undefined && value !== null && !check.holds(value))
      throw badInput(`${where}.${name}`, check.expected, value);
  }
}

export const aFunction: Check = {
  expected: "a function",
  holds: (value) => typeof value === "function",
};
export const aFlag: Check = {
  expected: "true or false",
  holds: (value) => typeof value === "boolean",
};
export const aKey: Check = {
  expected: "a text of 1 to 256 characters",
  holds: (value) => typeof value === "string" && value !== "" && value.length <= 256,
};
export const aFlagOrFunction: Check = {
  expected: "true, false, or a function of the config",
  holds: (value) => aFlag.holds(value) || aFunction.holds(value),
};
