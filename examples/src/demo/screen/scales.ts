import { CLIENT, LOAD } from "../scenario.js";
import type { Style } from "./paint.js";

// One scale for all columns: its top is what the worst client can come to.
const { callsPerSecond } = LOAD;
const { timeoutMs, naiveRetries, naiveDelayMs } = CLIENT;

export const MOST_GOODPUT: number = callsPerSecond;
export const MOST_LOAD = 1 + naiveRetries;
export const MOST_IN_FLIGHT =
  (callsPerSecond * (MOST_LOAD * timeoutMs + naiveRetries * naiveDelayMs)) / 1_000;

export function goodputStyle(perSecond: number): Style {
  if (perSecond >= 0.9 * callsPerSecond) return "green";
  return perSecond >= 0.5 * callsPerSecond ? "yellow" : "red";
}

export function loadStyle(load: number): Style {
  if (load <= 1.3) return "green";
  return load < 2 ? "yellow" : "red";
}

export function inFlightStyle(calls: number): Style {
  const usual = (callsPerSecond * timeoutMs) / 1_000;
  if (calls <= usual / 2) return "green";
  return calls <= usual * 1.2 ? "yellow" : "red";
}
