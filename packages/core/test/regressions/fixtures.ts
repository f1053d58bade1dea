import type { Policy } from "@breakwater/core";
import type { VirtualClock } from "@breakwater/core/testing";

/** What a call rejects with; resolving fails the test. */
export async function rejectionOf(call: PromiseLike<unknown>): Promise<unknown> {
  const outcome = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("error" in outcome) return outcome.error;
  throw new Error("the call should have failed, and resolved");
}

/** An error as Node's sockets throw it. */
export function nodeError(code: string, syscall = "read"): NodeJS.ErrnoException {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall, errno: -1 });
}

/** The connection broke: transient, and possibly processed. */
export const reset = (): Error => nodeError("ECONNRESET");

export const fails = (): Promise<never> => Promise.reject(reset());
export const works = (): Promise<string> => Promise.resolve("fine");

/** Calls a policy until `times` of its calls have failed. */
export async function fail(clock: VirtualClock, policy: Policy, times: number): Promise<void> {
  for (let left = times; left > 0; left--) await rejectionOf(clock.run(policy.execute(fails)));
}

/** Long enough for any opening of a breaker with `openMs` of a second: jitter adds 20 % at most. */
export const PAST_OPENING_MS = 2_001;
