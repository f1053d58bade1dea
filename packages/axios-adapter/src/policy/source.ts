import {
  badInput,
  isPlainObject,
  type Policy,
  policyNamed,
  type PolicyPart,
  resilient,
} from "@breakwater/core";
import type { AxiosInstance, InternalAxiosRequestConfig } from "axios";
import { checkOptions } from "../options/check.js";
import { axiosChecks, type AxiosOptions } from "../options/install-options.js";
import { hostOf } from "../config/host.js";
import { isIdempotent } from "../config/idempotency.js";
import { Picks } from "./picks.js";

/** Chooses the policy of each request; undefined sends it unprotected. */
export type PickPolicy = (config: InternalAxiosRequestConfig) => Policy | undefined;

/** Where the policies of an instance come from, and what it was told beside. */
export interface Source {
  /** The one policy of all requests; undefined where a function picks. */
  readonly only: (() => Policy) | undefined;
  readonly pick: PickPolicy;
  /** Where a function picks: what it has picked. */
  readonly picks: Picks | undefined;
  readonly options: AxiosOptions;
}

/** @throws BreakwaterError `ERR_INVALID_SPEC` */
export function sourceOf(instance: AxiosInstance, given: readonly unknown[]): Source {
  const borrowed = given.filter(isBorrowed);
  const rest = given.filter((item) => !isBorrowed(item));
  const { options, parts } = split(rest);
  checkOptions("install", axiosChecks, options);
  const [only] = borrowed;
  if (only === undefined) return one(makePolicy(instance, parts, options), options);
  if (borrowed.length > 1 || parts.length > 0)
    throw badInput(
      "install",
      "either a policy, its name or a function that picks one, or parts",
      [...borrowed, ...parts].map(nameOf).join(" and "),
      "Give the parts to the policy itself",
    );
  if (typeof only === "function")
    return { only: undefined, pick: picked(only), picks: new Picks(), options };
  // A name is looked up at the first request: the configuration may be loaded after the clients are made.
  if (typeof only === "string") return found(policyNamed(only, "install(axios)"), options);
  return one(only, options);
}

function one(policy: Policy, options: AxiosOptions): Source {
  return found(() => policy, options);
}

function found(only: () => Policy, options: AxiosOptions): Source {
  return { only, pick: only, picks: undefined, options };
}

/** A picker that gives anything but a policy is told so, for that request. */
function picked(pick: PickPolicy): PickPolicy {
  return (config) => {
    const policy: unknown = pick(config);
    if (policy === undefined || isPolicy(policy)) return policy;
    throw badInput("install", "a function that returns a policy, or undefined", policy);
  };
}

function isBorrowed(item: unknown): item is string | Policy | PickPolicy {
  return typeof item === "string" || typeof item === "function" || isPolicy(item);
}

function isPolicy(item: unknown): item is Policy {
  return (
    typeof item === "object" &&
    item !== null &&
    typeof (item as Partial<Policy>).execute === "function"
  );
}

function nameOf(item: unknown): string {
  if (typeof item === "string") return JSON.stringify(item);
  return typeof item === "function" ? "a function" : "a part or policy";
}

/** Which of the options are about requests, and which about the policy. */
function split(given: readonly unknown[]): { options: AxiosOptions; parts: unknown[] } {
  const options: Record<string, unknown> = {};
  const parts: unknown[] = [];
  for (const item of given) {
    if (!isPlainObject(item)) {
      parts.push(item);
      continue;
    }
    const ofPolicy = Object.entries(item).filter(([name]) => !Object.hasOwn(axiosChecks, name));
    const ofAxios = Object.entries(item).filter(([name]) => Object.hasOwn(axiosChecks, name));
    Object.assign(options, Object.fromEntries(ofAxios));
    if (ofPolicy.length > 0) parts.push(Object.fromEntries(ofPolicy));
  }
  return { options, parts };
}

function makePolicy(
  instance: AxiosInstance,
  parts: readonly unknown[],
  { idempotent = isIdempotent }: AxiosOptions,
): Policy {
  const name = nameFor(instance);
  const own = parts.find(isPlainObject);
  const merged = { name, idempotent, ...own };
  return resilient(...(parts.filter((part) => part !== own) as PolicyPart[]), merged);
}

function nameFor({ defaults }: AxiosInstance): string {
  const host = hostOf({ baseURL: defaults.baseURL ?? "" } as InternalAxiosRequestConfig);
  return host === undefined ? "axios" : `axios:${host}`;
}
