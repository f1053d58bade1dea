import type { Call } from "@breakwater/core";
import type { InternalAxiosRequestConfig } from "axios";
import { NOTHING } from "../options/request-options.js";
import { isStream } from "../config/body.js";
import { deadlineField } from "../options/deadline-header.js";
import type { RequestReport } from "../options/report.js";
import type { Sending } from "./sending.js";

/** What describes a request, and so is what adapters write to. */
export interface Described {
  readonly url: InternalAxiosRequestConfig["url"];
  readonly baseURL: InternalAxiosRequestConfig["baseURL"];
  readonly params: unknown;
  readonly data: unknown;
  readonly headers: object;
}

export function describe(config: InternalAxiosRequestConfig): Described {
  const { url, baseURL, params, data } = config;
  return { url, baseURL, params, data, headers: Object.assign({}, config.headers) };
}

/** From here on it is what an adapter would get without us, but for the report and a time limit. */
export function prepare({ config, given, asked, traits }: Sending, report: RequestReport): void {
  config.adapter = given as NonNullable<typeof given>;
  config.resilience = asked === NOTHING ? { report } : { ...asked, report };
  if (!config.timeout && !traits.limitsAttempts) config.timeout = DEFAULT_TIMEOUT_MS;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** The request as it was described, whatever has been written to its config since. */
export function copyOf(
  { config, given }: Sending,
  { headers, ...described }: Described,
): InternalAxiosRequestConfig {
  const bare = Object.create(Object.getPrototypeOf(config) as object | null) as typeof config;
  const copy = Object.assign(bare, config, described);
  copy.adapter = given as NonNullable<typeof given>;
  copy.headers = config.headers.concat();
  copy.headers.clear();
  Object.assign(copy.headers, headers);
  return copy;
}

export function tellDeadline(
  config: InternalAxiosRequestConfig,
  { remainingMs = Infinity }: Call,
  header: Parameters<typeof deadlineField>[0],
): void {
  const leftMs = Math.min(config.timeout || Infinity, remainingMs);
  if (leftMs !== Infinity) config.headers.set(...deadlineField(header, leftMs));
}

/** Can the request be sent again as it is? */
export function isReplayable({ asked, config }: Pick<Sending, "asked" | "config">): boolean {
  return asked.body !== undefined || !isStream(config.data);
}
