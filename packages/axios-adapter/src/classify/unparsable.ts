import type { AxiosResponse, InternalAxiosRequestConfig } from "axios";

/**
 * Will axios fail to parse this answer, and say so? It parses after the adapter, and so after the policy. Where its error
 * is asked for (`responseType: "json"` with `transitional.silentJSONParsing: false`) we look first: the answer counts as
 * a failure, and if that is the last attempt, axios throws its own error of it.
 */
export function isUnparsable({ data, config }: AxiosResponse): boolean {
  if (typeof data !== "string" || data === "" || !parsesStrictly(config)) return false;
  try {
    JSON.parse(data);
    return false;
  } catch {
    return true;
  }
}

/** Whoever transforms by themselves may make JSON of what is none yet. */
function parsesStrictly(config: InternalAxiosRequestConfig | undefined): boolean {
  const { responseType, transitional, transformResponse } = config ?? {};
  if (responseType !== "json" || transitional?.silentJSONParsing !== false) return false;
  const [only, ...more] = [transformResponse].flat();
  return only !== undefined && more.length === 0 && isOfAxios(only);
}

/** Each copy of axios has a function of its own; what it reads there is the same in all, also in a bundle. */
function isOfAxios(transform: (...args: never[]) => unknown): boolean {
  return String(transform).includes("forcedJSONParsing");
}
