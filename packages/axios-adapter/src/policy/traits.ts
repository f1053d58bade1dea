import type { Policy } from "@breakwater/core";

/** What a policy does that this adapter must then leave alone. */
export interface Traits {
  readonly retries: boolean;
  /** Its timeout is the one that counts where the request has none. */
  readonly limitsAttempts: boolean;
  /** It may end a call while that still runs. */
  readonly limitsTime: boolean;
}

const known = new WeakMap<Policy, Traits>();

/** A policy says in its explanation what it has. */
export function traitsOf(policy: Policy): Traits {
  const before = known.get(policy);
  if (before !== undefined) return before;
  const { parts } = policy.explain();
  const has = (wanted: string): boolean =>
    parts.some(({ kind, present }) => kind === wanted && present);
  const limitsAttempts = has("timeout");
  const traits = {
    retries: has("retry"),
    limitsAttempts,
    limitsTime: limitsAttempts || has("deadline"),
  };
  known.set(policy, traits);
  return traits;
}
