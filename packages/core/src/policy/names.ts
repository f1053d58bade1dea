import { closest, distance } from "fastest-levenshtein";
import { BreakwaterError } from "../errors/errors.js";
import { Living } from "../parts/living.js";

/** Somebody who will look up a policy by its name, or make one under a name, at a first call that may still be to come. */
export interface NameUser {
  /** Where it is: `Ledger.post`. */
  readonly where: string;
  /** The name of the policy that it will ask for. */
  readonly wants: string | undefined;
  /** Whether it is, or may be, the one that makes a policy of this name. */
  mayMake(name: string): boolean;
}

/** All of the process that still live. */
export const nameUsers: Living<NameUser> = new Living();

/** The error for a name that nobody has defined. */
export function unknownPolicy(name: string, known: readonly string[]): BreakwaterError {
  const advice = `Define it with definePolicy(${JSON.stringify(name)}, …), or in the config file.`;
  const message = `No policy is named ${JSON.stringify(name)}${whatThereIs(name, known)}. ${advice}`;
  return new BreakwaterError("ERR_UNKNOWN_POLICY", message, { policy: name });
}

/** What there is instead, and what was probably meant. */
export function whatThereIs(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  const question = meant === undefined ? "" : `; did you mean ${JSON.stringify(meant)}?`;
  const defined = known.length === 0 ? "none is defined yet" : `defined are ${known.join(", ")}`;
  return `${question === "" ? ";" : question} ${question === "" ? defined : capital(defined)}`;
}

/** A name that differs in at most a third of its characters. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0 || name.length > LONGEST_COMPARED) return undefined;
  const found = closest(name, known);
  return distance(name, found) <= Math.max(1, name.length / 3) ? found : undefined;
}

const LONGEST_COMPARED = 256;

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
