import {
  badInput,
  type DrainReport,
  type Duration,
  type Policy,
  type Watchable,
} from "@breakwater/core";
import { type AnyAxiosInstance, instanceFrom } from "./instance.js";
import type { AxiosOptions, AxiosPart } from "./options/install-options.js";
import { type PickPolicy, type Source, sourceOf } from "./policy/source.js";
import { Protection } from "./protection.js";

/** What `install` gives: the policy of the instance's requests, and the way back. */
export interface Installation {
  /** Takes it off again: the instance is as it was. Requests that are on their way end as they began. */
  readonly eject: () => void;
  /**
   * The policy that requests run under. Where a function picks the policies it takes a key, which is a host unless you
   * chose otherwise: the policy that the last request with that key ran under.
   *
   * @throws BreakwaterError `ERR_INVALID_SPEC` where a function picks, for no key and for one that no request has had. So
   * do the others below; `on` and `drain` take no key, so ask the policies themselves.
   */
  readonly policy: (key?: string) => Policy;
  /** As a policy's `on`. */
  readonly on: Watchable["on"];
  /** Resolves when a request with this key, which is a host unless you chose otherwise, would be admitted. */
  readonly ready: (options?: {
    readonly key?: string;
    readonly signal?: AbortSignal;
  }) => Promise<void>;
  /** As a policy's `drain`. */
  readonly drain: (options?: { readonly graceMs?: Duration }) => Promise<DrainReport>;
}

const installed = new WeakMap<AnyAxiosInstance, Installation>();

/**
 * Puts every request of an axios instance under a policy: a circuit for each host, retries within a budget, time limits.
 * Interceptors run once for each request, bodies are sent again as they were, an open circuit sends nothing.
 *
 * Give it parts as you would give them to `resilient`, and options; or a policy, the name of one, or a function that
 * picks one for each request. Nothing at all means the recommended set. What axios throws stays what it is; what we
 * refuse is a `BreakwaterError`.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` for what is no axios instance or has been protected already, and for options
 * that cannot work. A name is looked up at the first request, which fails with `ERR_UNKNOWN_POLICY` if nobody has
 * defined it by then.
 * @example
 * const client = axios.create({ baseURL: "https://api.example.com" });
 * install(client, circuitBreaker(), retryBudget({ ratio: 0.1 }));
 * const { data } = await client.get("/rates"); // repeated if that is safe, refused while the circuit is open
 */
export function install(
  instance: AnyAxiosInstance,
  policy: string | Policy | PickPolicy,
  options?: AxiosOptions,
): Installation;
export function install(instance: AnyAxiosInstance, ...parts: readonly AxiosPart[]): Installation;
export function install(given: AnyAxiosInstance, ...parts: readonly unknown[]): Installation {
  const instance = instanceFrom(given);
  if (installed.has(instance))
    throw badInput(
      "install",
      "an axios instance without a policy",
      "one that has a policy already",
      "Call eject() of the first installation, or find it by resilienceOf(instance)",
    );
  const source = sourceOf(instance, parts);
  const protection = new Protection(instance, source);
  const { request } = instance.interceptors;
  const id = request.use((config) => protection.intercept(config), null, { synchronous: true });
  const installation = installationOf(source, () => {
    request.eject(id);
    installed.delete(instance);
  });
  installed.set(instance, installation);
  return installation;
}

/**
 * What `install` has given for this instance; undefined for one that is not protected.
 *
 * @example
 * await resilienceOf(client)?.drain({ graceMs: "5s" });
 */
export function resilienceOf(instance: AnyAxiosInstance): Installation | undefined {
  return installed.get(instance);
}

function installationOf(source: Source, eject: () => void): Installation {
  const policy = (key?: string): Policy => policyAt(source, key);
  const on = (...args: Parameters<Policy["on"]>): (() => void) => policy().on(...args);
  return {
    eject,
    policy,
    on,
    ready: async (options) => policy(options?.key).ready(options),
    drain: async (options) => policy().drain(options),
  };
}

function policyAt({ only, picks }: Source, key: string | undefined): Policy {
  const policy = only?.() ?? (key === undefined ? undefined : picks?.of(key));
  if (policy !== undefined) return policy;
  throw key === undefined
    ? badInput(
        "policy",
        "one policy for all requests",
        "a function that picks one for each",
        "Give it the key of a request, or ask the policies themselves",
      )
    : badInput("policy", "the key of a request that has been sent", key);
}
