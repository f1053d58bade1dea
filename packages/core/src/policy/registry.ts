import { type DrainReport, sumOfDrains } from "../engine/drain.js";
import type { Heard } from "../events/audience.js";
import { deliverNow } from "../events/delivery.js";
import { hub } from "../events/hub.js";
import type { Listener, Watchable } from "../events/listeners.js";
import { invalidSpec, issueOf } from "../parts/options.js";
import { clock } from "../time/clock.js";
import type { Duration } from "../time/duration.js";
import { assemble, type PolicyPart, unknownPolicy } from "./assemble.js";
import type { PolicyHealth } from "./health.js";
import { everyPolicy, LivePolicy, mustBeEvent, type Policy } from "./policy.js";

const defined = new Map<string, LivePolicy>();

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
  if (defined.has(name))
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
  defined.set(name, policy);
  return policy;
}

/** @throws BreakwaterError `ERR_UNKNOWN_POLICY`, which names those that are defined. */
export function lookUp(name: string): LivePolicy {
  const policy = defined.get(name);
  if (policy === undefined) throw unknownPolicy(name, [...defined.keys()]);
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

/** How the process is, as plain JSON for a health endpoint. */
export interface RegistryHealth {
  /**
   * `degraded`: a circuit somewhere is not closed. That is no reason to call this process unready, or to restart it: an
   * open circuit is this process being well while a dependency is not.
   */
  readonly status: "ok" | "degraded";
  /** Wall time, in milliseconds since 1970. */
  readonly at: number;
  readonly policies: readonly PolicyHealth[];
}

/** All policies of the process: those that somebody still uses, however they were made. */
export interface Registry extends Watchable {
  /**
   * Listens to all policies: those that there are, and those that will be made. The rules are those of a policy's `on`.
   * What happens to a part that several policies share is heard once; `policies` then names them all, and `policy` the
   * first of them.
   *
   * @returns the function that ends it.
   * @throws BreakwaterError `ERR_INVALID_SPEC` for a type of event that there is not.
   * @example
   * registry.on("circuit.opened", ({ guard, policies }) => page(guard, policies));
   */
  on: Watchable["on"];
  /** Those of decorated methods are among them from the first call on. */
  policies(): readonly Policy[];
  /**
   * The state of all guards and budgets, and what the policies have done so far. Asking changes nothing, and is cheap:
   * keys are counted, and at most ten of a breaker are listed.
   *
   * @example
   * if (request.url === "/healthz") response.end(JSON.stringify(registry.health()));
   */
  health(): RegistryHealth;
  /**
   * Drains all policies at once, as `policy.drain` does, and adds up what became of their calls.
   *
   * @param options.graceMs default 10 s.
   * @example
   * process.once("SIGTERM", async () => console.log(await registry.drain({ graceMs: "5s" })));
   */
  drain(options?: { readonly graceMs?: Duration }): Promise<DrainReport>;
}

/**
 * The one place that knows all policies of the process. It keeps none of them alive.
 *
 * @example
 * logEvents(registry, console);
 */
export const registry: Registry = Object.freeze({
  on(type: Heard, listener: Listener<never>): () => void {
    mustBeEvent("registry.on", type);
    const off = hub.on(type, listener);
    if (hub.hears("*") || hub.hears("policy.unnamed"))
      for (const policy of everyPolicy) policy.askForName();
    return off;
  },
  policies: () => [...everyPolicy],
  health(): RegistryHealth {
    const health = [...everyPolicy].map((policy) => policy.health());
    const status = health.every((policy) => policy.status === "ok") ? "ok" : "degraded";
    return { status, at: clock.wallMs(), policies: health };
  },
  async drain(options?: { readonly graceMs?: Duration }): Promise<DrainReport> {
    return sumOfDrains([...everyPolicy].map((policy) => policy.drain(options)));
  },
});

/** Now, and at once: refusals that are being folded, and whatever else listeners have not heard of yet. */
export function tellFolded(): void {
  for (const policy of everyPolicy) policy.tellFolded();
  deliverNow();
}
