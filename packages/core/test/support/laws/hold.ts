import type { Policy } from "@breakwater/core";

/** Starts a call whose task runs until the function that this returns is called. */
export function hold(policy: Policy): () => Promise<unknown> {
  const ends: (() => void)[] = [];
  const call = policy.execute(() => new Promise<void>((resolve) => ends.push(resolve)));
  return () => {
    for (const end of ends) end();
    return call;
  };
}
