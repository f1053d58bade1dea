import type { Policy } from "@breakwater/core";

/** What a policy does that this adapter must then leave alone. */
export interface Traits {
  readonly retries: boolean;
  /** Its timeout is the one that counts where the request has none. */
  readonly limitsAttempts: boolean;
}

const known = new WeakMap<Policy, { readonly revision: number; readonly traits: Traits }>();

/** A policy says in its explanation what it has, until it is retuned. */
export function traitsOf(policy: Policy): Traits {
  const before = known.get(policy);
  if (before?.revision === policy.revision) return before.traits;
  const { parts } = policy.explain();
  const has = (wanted: string): boolean =>
    parts.some(({ kind, present }) => kind === wanted && present);
  const traits = { retries: has("retry"), limitsAttempts: has("timeout") };
  known.set(policy, { revision: policy.revision, traits });
  return traits;
}
