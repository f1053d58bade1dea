import { type Policy, tellOfDrain } from "@breakwater/core";
import { DrainSignals } from "./drain-signals.js";

/** What this adapter must know of a policy. */
export interface Traits {
  readonly retries: boolean;
  /** A request that has no timeout gets one: not where the policy has its own, nor where it acts for nobody. */
  readonly addsTimeout: boolean;
  /** It may end a call while that still runs. */
  readonly limitsTime: boolean;
  readonly drainSignals: DrainSignals;
}

interface Known {
  readonly policy: Policy;
  readonly revision: number;
  readonly traits: Traits;
}

const known = new WeakMap<Policy, Known>();
/** Most requests of a program run under the policy that the last one ran under. */
let last: Known | undefined;

/** A policy says in its explanation what it has, until it is retuned. */
export function traitsOf(policy: Policy): Traits {
  if (last?.policy !== policy || last.revision !== policy.revision) last = knownOf(policy);
  return last.traits;
}

function knownOf(policy: Policy): Known {
  const before = known.get(policy);
  if (before?.revision === policy.revision) return before;
  const drainSignals = before?.traits.drainSignals ?? toldOfDrain(policy);
  const traits = { ...traitsIn(policy), drainSignals };
  const found = { policy, revision: policy.revision, traits };
  known.set(policy, found);
  return found;
}

function toldOfDrain(policy: Policy): DrainSignals {
  const signals = new DrainSignals();
  tellOfDrain(policy, signals);
  return signals;
}

function traitsIn(policy: Policy): Omit<Traits, "drainSignals"> {
  const { parts, mode } = policy.explain();
  const acts = mode === "enforce";
  const has = (wanted: string): boolean =>
    acts && parts.some(({ kind, present }) => kind === wanted && present);
  return {
    retries: has("retry"),
    addsTimeout: acts && !has("timeout"),
    limitsTime: has("timeout") || has("deadline"),
  };
}
