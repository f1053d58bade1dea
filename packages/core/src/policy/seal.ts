import { BreakwaterError } from "../errors/errors.js";
import { type NameUser, nameUsers, whatThereIs } from "./names.js";
import { everyPolicy, type LivePolicy } from "./live-policy.js";
import { namesInFile } from "./settings/filed.js";

/** What there is to say of names that are all in use, or could be. */
export interface Sealed {
  /** Named in the config file, and used by nobody. */
  readonly unused: readonly string[];
}

/** @throws BreakwaterError `ERR_UNKNOWN_POLICY` */
export function seal(
  defined: ReadonlyMap<string, LivePolicy>,
  byCode: ReadonlySet<string>,
): Sealed {
  const known = [...new Set([...defined.keys(), ...namesInFile()])];
  const unknown = [...nameUsers].filter(
    ({ wants }) => wants !== undefined && !known.includes(wants),
  );
  if (unknown.length > 0) throw unknownNames(unknown, known);
  return { unused: namesInFile().filter((name) => !byCode.has(name) && !isUsed(name)) };
}

function isUsed(name: string): boolean {
  const isMade = [...everyPolicy].some((policy) => policy.name === name);
  return isMade || [...nameUsers].some((user) => user.wants === name || user.mayMake(name));
}

function unknownNames(users: readonly NameUser[], known: readonly string[]): BreakwaterError {
  const lines = users.map(({ where, wants = "" }) => {
    return `  ${JSON.stringify(wants)}, asked for by ${where}${whatThereIs(wants, known)}`;
  });
  const names = users.length === 1 ? "1 name that nobody" : `${users.length} names that nobody`;
  return new BreakwaterError(
    "ERR_UNKNOWN_POLICY",
    `There is ${names} has defined:\n${lines.join("\n")}`,
  );
}
