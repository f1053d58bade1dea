import { type OverrideHandle, type OverrideRequest, registry } from "@breakwater/core";
import { afterEach, beforeEach } from "vitest";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

/** Noon by the local clock of the machine: what is said for people names local times. */
export const NOON = new Date(2026, 10, 24, 12, 0, 0).getTime();
export const MINUTE = 60_000;

/** Virtual time that begins at noon, and no override left behind. */
export function atNoon(): void {
  useVirtualClock();
  beforeEach(() => void (clock.wallMs = NOON));
  afterEach(() => {
    registry.authorize(undefined);
    clearAll();
  });
}

export function clearAll(): void {
  registry.override({ verb: "clear", policy: "*", by: "the test", why: "it is over" });
}

/** Ana lays it over the policy `crm`, for half an hour unless it is said otherwise. */
export function ana(
  verb: "block" | "bypass",
  given: Partial<Extract<OverrideRequest, { verb: "block" | "bypass" }>> = {},
): OverrideHandle {
  return registry.override({
    policy: "crm",
    by: "ana",
    why: "INC-4711",
    until: "30m",
    ...given,
    verb,
  });
}

/** What `act` throws; if it throws nothing the test fails. */
export function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("it should have thrown");
}
