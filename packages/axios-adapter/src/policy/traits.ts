import type { Policy } from "@breakwater/core";

/** What a policy does that this adapter must then leave alone. */
export interface Traits {
  readonly retries: boolean;
  /** A request that has no timeout gets one: not where the policy has its own, nor where it acts for nobody. */
  readonly addsTimeout: boolean;
  /** It may end a call while that still runs. */
  readonly limitsTime: boolean;
}

const known = new WeakMap<Policy, { readonly revision: number; readonly traits: Traits }>();

/** A policy says in its explanation what it has, until it is retuned. */
export function traitsOf(policy: Policy): Traits {
  const before = known.get(policy);
  if (before?.revision === policy.revision) return before.traits;
  const { parts, mode } = policy.explain();
  const acts = mode === "enforce";
  const has = (wanted: string): boolean =>
    acts && parts.some(({ kind, present }) => kind === wanted && present);
  const traits = {
    retries: has("retry"),
    addsTimeout: acts && !has("timeout"),
    limitsTime: has("timeout") || has("deadline"),
  };
  known.set(policy, { revision: policy.revision, traits });
  return traits;
}
