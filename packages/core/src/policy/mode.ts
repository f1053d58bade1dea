import { invalidSpec, issueOf } from "../parts/options.js";

export const MODES = ["enforce", "shadow", "off"] as const;

export type Mode = (typeof MODES)[number];

/**
 * Whether a policy acts, only keeps books of what it would have done, or does nothing at all. The environment wins over the code, so that an operator can switch a policy
 * off, or all of them, without a deploy: `BREAKWATER_MODE_CRM=off`, `BREAKWATER_MODE=off`.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` for a mode that there is not: a mistyped one must not go unnoticed.
 */
export function modeOf(policy: string, { mode }: { readonly mode?: Mode | undefined }): Mode {
  const { variable, asked } = fromEnvironment(policy);
  if (asked === undefined) return mode ?? "enforce";
  const known = MODES.find((name) => name === asked);
  if (known === undefined)
    throw invalidSpec([issueOf(variable, `one of ${MODES.join(", ")}`, asked)]);
  return known;
}

/** Of `Rates.latest` it is `BREAKWATER_MODE_RATES_LATEST`. */
function fromEnvironment(policy: string): { variable: string; asked: string | undefined } {
  const own = `BREAKWATER_MODE_${policy.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_")}`;
  for (const variable of [own, "BREAKWATER_MODE"]) {
    const asked = process.env[variable]?.trim().toLowerCase();
    if (asked !== undefined && asked !== "") return { variable, asked };
  }
  return { variable: own, asked: undefined };
}
