import { badInput } from "@breakwater/core";
import { randomUUID } from "node:crypto";
import type { InternalAxiosRequestConfig } from "axios";
import type { MakeIdempotencyKey } from "../options/request-options.js";

/** RFC 9110, section 9.2.2, and the QUERY that came after it. */
const IDEMPOTENT = new Set("get head options trace put delete query".split(" "));

/** May it be repeated after it may have been processed: by its method, or as the server knows it by its key? */
export function isIdempotent(config: InternalAxiosRequestConfig): boolean {
  const { method = "get", headers } = config;
  return IDEMPOTENT.has(method.toLowerCase()) || headers.has("Idempotency-Key");
}

/**
 * Gives the request a key, once for all its attempts, quoted as the draft of the header says. One that the caller has set
 * stays.
 */
export function giveIdempotencyKey(
  config: InternalAxiosRequestConfig,
  make: true | MakeIdempotencyKey,
): void {
  if (isIdempotent(config)) return;
  const key: unknown = make === true ? randomUUID() : make(config);
  if (typeof key !== "string" || !/^[\x20-\x7e]+$/.test(key))
    throw badInput("idempotencyKey", "a function that returns a text in ASCII", key);
  config.headers.set("Idempotency-Key", `"${key.replaceAll(/[\\"]/g, String.raw`\$&`)}"`);
}
