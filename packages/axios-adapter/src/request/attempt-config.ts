import type { Call } from "@breakwater/core";
import type { InternalAxiosRequestConfig } from "axios";
import { deadlineField } from "./deadline-header.js";
import { isStream } from "./body.js";
import type { Sending } from "./sending.js";

/** The config of one attempt: a copy, as adapters write to what they get. */
export function configOfAttempt(
  { config, given, asked, options, caller, traits, report }: Sending,
  call: Call,
): InternalAxiosRequestConfig {
  const attempt = Object.assign(
    Object.create(Object.getPrototypeOf(config) as object | null) as InternalAxiosRequestConfig,
    config,
  );
  attempt.headers = config.headers.concat();
  attempt.adapter = given as NonNullable<typeof given>;
  attempt.signal = signalOf(call, config, caller.signal);
  attempt.resilience = { ...asked, report };
  attempt.timeout = config.timeout || (traits.addsTimeout ? DEFAULT_TIMEOUT_MS : 0);
  if (asked.body !== undefined) attempt.data = asked.body();
  if (options.deadlineHeader !== undefined) tellDeadline(attempt, call, options.deadlineHeader);
  return attempt;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** An attempt is over once its headers are there, but whoever reads its stream may still give up. */
function signalOf(
  call: Call,
  { responseType }: InternalAxiosRequestConfig,
  callers: AbortSignal | undefined,
): AbortSignal {
  const outlivesCall =
    responseType === "stream" && callers !== undefined && call.signal !== callers;
  return outlivesCall ? AbortSignal.any([call.signal, callers]) : call.signal;
}

function tellDeadline(
  attempt: InternalAxiosRequestConfig,
  { remainingMs = Infinity }: Call,
  header: Parameters<typeof deadlineField>[0],
): void {
  const leftMs = Math.min(attempt.timeout || Infinity, remainingMs);
  if (leftMs !== Infinity) attempt.headers.set(...deadlineField(header, leftMs));
}

/** Can the request be sent again as it is? */
export function isReplayable({ asked, config }: Pick<Sending, "asked" | "config">): boolean {
  return asked.body !== undefined || !isStream(config.data);
}
