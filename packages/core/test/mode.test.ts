import { circuitBreaker, currentCall, resilient, retry } from "@breakwater/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fails, rejectionOf, works } from "./regressions/fixtures.js";

afterEach(() => void vi.unstubAllEnvs());

describe("a policy that is off", () => {
  it("lets every call through, once, and learns nothing", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const policy = resilient(breaker, retry(), { mode: "off" });
    let runs = 0;
    const failing = (): Promise<never> => (runs++, fails());
    await rejectionOf(policy.execute(failing));
    await rejectionOf(policy.execute(failing));
    expect(runs).toBe(2);
    expect(breaker.state()).toBe("closed");
    expect(await policy.execute(works)).toBe("fine");
  });

  it("returns the task's own promise", async () => {
    const promise = works();
    expect(resilient({ mode: "off" }).wrap(() => promise)()).toBe(promise);
  });

  it("still gives the task its call, with the caller's signal", async () => {
    const policy = resilient({ name: "crm", mode: "off" });
    const { signal } = new AbortController();
    expect(await policy.execute((call) => call.signal, { signal })).toBe(signal);
    expect(await policy.wrap(async () => currentCall().policy)()).toBe("crm");
  });

  it("rejects where the task throws", async () => {
    const bug = new Error("a bug");
    const throws = (): never => {
      throw bug;
    };
    expect(await rejectionOf(resilient({ mode: "off" }).execute(throws))).toBe(bug);
  });

  it("says so when it explains itself", () => {
    expect(String(resilient({ name: "crm", mode: "off" }).explain())).toContain(
      "mode        off: every call goes through unprotected",
    );
  });
});

describe("the environment", () => {
  it("switches off one policy, or all, whatever the code says", async () => {
    vi.stubEnv("BREAKWATER_MODE_RATES_LATEST", "off");
    expect(resilient({ name: "Rates.latest" }).explain().mode).toBe("off");
    expect(resilient({ name: "Rates.post" }).explain().mode).toBe("enforce");
    vi.stubEnv("BREAKWATER_MODE", "OFF");
    expect(resilient({ name: "Rates.post", mode: "enforce" }).explain().mode).toBe("off");
  });

  it("may except one policy from what it says of all", () => {
    vi.stubEnv("BREAKWATER_MODE", "off");
    vi.stubEnv("BREAKWATER_MODE_CRM", "enforce");
    expect(resilient({ name: "crm" }).explain().mode).toBe("enforce");
  });

  it("is told at once when it says what there is not", () => {
    vi.stubEnv("BREAKWATER_MODE", "of");
    expect(() => resilient({ name: "crm" })).toThrow(
      'BREAKWATER_MODE: expected one of enforce, shadow, off, received "of"',
    );
  });
});
