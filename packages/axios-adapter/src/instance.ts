import { badInput } from "@breakwater/core";
import type { AxiosInstance } from "axios";

/**
 * An axios instance, by what it has: the types of two copies of axios, or of its ESM and its CommonJS entry, do not fit
 * each other.
 */
export interface AnyAxiosInstance {
  readonly defaults: object;
  readonly interceptors: { readonly request: { readonly eject: (id: number) => void } };
  readonly getUri: unknown;
}

/** @throws BreakwaterError `ERR_INVALID_SPEC` for what is no axios instance. */
export function instanceFrom(given: AnyAxiosInstance): AxiosInstance {
  // Perhaps no instance, whatever its type says: it is asked.
  const { interceptors, create } = (given ?? {}) as unknown as Partial<AxiosInstance>;
  if (typeof interceptors?.request?.use === "function" && typeof create === "function")
    return given as unknown as AxiosInstance; // checked just now, as far as we use it
  throw badInput("install", "an axios instance: axios, or what axios.create() returns", given);
}
