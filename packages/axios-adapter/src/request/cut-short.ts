import type { InternalAxiosRequestConfig } from "axios";
import type { RequestResilience } from "../options/request-options.js";
import type { Traits } from "../policy/traits.js";
import type { Caller } from "./caller-signal.js";

/**
 * What may abort an attempt, beside its caller: its call, when it runs out of time, or only a drain of its policy. Nothing
 * of ours does where the caller has a signal and no time is limited: that signal is there already.
 */
export type CutBy = "call" | "drain" | "nothing";

export function whatCutsShort(
  { limitsTime }: Traits,
  { deadlineMs }: RequestResilience,
  { isInside, signal, release }: Caller,
  { responseType }: InternalAxiosRequestConfig,
): CutBy {
  if (limitsTime || deadlineMs !== undefined || isInside) return "call";
  if (release !== undefined) return "call"; // not every adapter knows cancel tokens
  if (signal !== undefined) return "nothing";
  // A stream that is being read when a drain begins has been answered, and its attempt is over.
  return responseType === "stream" ? "call" : "drain";
}
