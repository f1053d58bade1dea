import type { Policy } from "@breakwater/core";

/** What a policy does that this adapter must then leave alone. */
export interface Traits {
  readonly retries: boolean;
  /** A request that has no timeout gets one: not where the policy has its own, nor where it acts for nobody. */
  readonly addsTimeout: boolean;
}

const known = new WeakMap<Policy, Traits>();

/** A policy says in its explanation what it has. */
export function traitsOf(policy: Policy): Traits {
  const before = known.get(policy);
  if (before !== undefined) return before;
  const { parts, mode } = policy.explain();
  const acts = mode === "enforce";
  const has = (wanted: string): boolean =>
    parts.some(({ kind, present }) => kind === wanted && present);
  const traits = { retries: acts && has("retry"), addsTimeout: acts && !has("timeout") };
  known.set(policy, traits);
  return traits;
}
