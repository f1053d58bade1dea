import {
  BreakwaterError,
  bulkhead,
  circuitBreaker,
  isRefusal,
  resilient,
  timeout,
} from "@breakwater/core";
import { hangs, scriptedTask } from "@breakwater/core/testing";
import { describe, expect, it, vi } from "vitest";
import { fail, rejectionOf, reset, works } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

describe("isRefusal", () => {
  it("is true where the task did not run because we said no", async () => {
    const open = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "crm" });
    await fail(clock, open, 1);
    const full = resilient(bulkhead({ limit: 1 }), { name: "crm" });
    void full.execute(scriptedTask(hangs()));
    for (const policy of [open, full])
      expect(isRefusal(await rejectionOf(policy.execute(works)))).toBe(true);
  });

  it("is false for our other errors, for the task's own, and for what is no error", async () => {
    const slow = resilient(timeout(10), { name: "crm" });
    const timedOut = await rejectionOf(clock.run(slow.execute(scriptedTask(hangs()))));
    expect(timedOut).toBeInstanceOf(BreakwaterError);
    const lookalike = { isRefusal: true, code: "ERR_CIRCUIT_OPEN" };
    for (const thrown of [timedOut, reset(), lookalike, "ERR_CIRCUIT_OPEN", undefined, null, 0])
      expect(isRefusal(thrown)).toBe(false);
  });

  it("knows the refusals of another copy of the package", async () => {
    vi.resetModules();
    const copy = await import("@breakwater/core");
    expect(copy.isRefusal).not.toBe(isRefusal);
    const full = copy.resilient(copy.bulkhead({ limit: 1 }), { name: "crm" });
    const running = full.execute(() => new Promise(() => {}));
    const refusal = await rejectionOf(full.execute(works));
    expect(isRefusal(refusal)).toBe(true);
    expect(copy.isRefusal(refusal)).toBe(true);
    void running;
  });
});
