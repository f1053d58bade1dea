import { invalidSpec, issueOf } from "../parts/options.js";
import { assemble, type PolicyPart, unknownPolicy } from "./assemble.js";
import { LivePolicy, type Policy } from "./policy.js";

const policies = new Map<string, LivePolicy>();

/**
 * Makes a policy and registers it, so that `@Resilient("crm")` and `resilient("crm")` find it.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` for options that cannot work, and for a name that is taken.
 * @example
 * definePolicy("crm", circuitBreaker(), retryBudget({ ratio: 0.1 }), timeout("2s"));
 */
export function definePolicy(name: string, ...parts: readonly PolicyPart[]): Policy {
  if (typeof name !== "string" || name === "")
    throw invalidSpec([issueOf("definePolicy", "a name", name)]);
  if (policies.has(name))
    throw invalidSpec([
      issueOf(
        "definePolicy",
        "a name that is not taken",
        name,
        "Get the policy with resilient(name)",
      ),
    ]);
  const { options, ...assembly } = assemble(parts);
  if (options.name !== undefined)
    throw invalidSpec([
      issueOf("policy.name", "no second name", options.name, "definePolicy(name) names it already"),
    ]);
  const policy = new LivePolicy({ ...assembly, options: { ...options, name } });
  policies.set(name, policy);
  return policy;
}

/** @throws BreakwaterError `ERR_UNKNOWN_POLICY`, which names those that are defined. */
export function lookUp(name: string): LivePolicy {
  const policy = policies.get(name);
  if (policy === undefined) throw unknownPolicy(name, [...policies.keys()]);
  return policy;
}

/**
 * Makes a policy from parts in any order and at most one object of options; or finds a registered one by its name.
 *
 * A breaker and a budget with nothing else mean three attempts with full jitter. A breaker alone never retries. Nothing
 * at all means the recommended set: breaker, budget, retries.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem, or `ERR_UNKNOWN_POLICY`.
 * @example
 * const rates = resilient(breaker, budget, timeout("2s"), { name: "rates" });
 * const quote = await rates.execute(({ signal }) => fetchQuote("EUR", { signal }));
 */
export function resilient(name: string): Policy;
export function resilient(...parts: readonly PolicyPart[]): Policy;
export function resilient(...parts: readonly (PolicyPart | string)[]): Policy {
  const [only] = parts;
  return typeof only === "string" && parts.length === 1
    ? lookUp(only)
    : new LivePolicy(assemble(parts));
}
