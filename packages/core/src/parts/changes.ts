import { isDeepStrictEqual } from "node:util";
import type { ValueChange } from "../events/catalog.js";

/** What differs, by path, as JSON has it. */
export function differences(
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): ValueChange[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((path) => !isDeepStrictEqual(before.get(path), after.get(path)))
    .map((path) => changeAt(path, shown(before.get(path)), shown(after.get(path))));
}

function changeAt(path: string, from: unknown, to: unknown): ValueChange {
  return {
    path,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}

/** Functions have no JSON. */
export function shown(value: unknown): unknown {
  if (typeof value !== "function") return value;
  return value.name === "" ? "a function" : `the function ${value.name}`;
}
