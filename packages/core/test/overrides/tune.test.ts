import {
  circuitBreaker,
  definePolicy,
  registry,
  resilient,
  retry,
  timeout,
} from "@breakwater/core";
import { eventLog, hangs, returns, scriptedTask, throws } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { fails, rejectionOf, reset, works } from "../regressions/fixtures.js";
import { ana, atNoon, MINUTE } from "./support.js";
import { clock } from "../support/virtual-clock.js";

atNoon();

const named = { name: "crm" };
const asked = { verb: "tune", policy: "crm", by: "ana", why: "INC-4711", until: "30m" } as const;

const tune = (patch: object, given: object = {}) =>
  registry.override({ ...asked, patch, ...given });

const valueOf = (policy: ReturnType<typeof resilient>, path: string): unknown => {
  const { value, source } = policy.explain().values.find((each) => each.path === path) ?? {};
  return [value, source];
};

describe("a tuned policy", () => {
  it("has the patch until the end, and then what it had; nothing else changes", async () => {
    const crm = resilient(retry({ maxAttempts: 3, baseMs: 10 }), named);
    tune({ retry: { maxAttempts: 1 } });
    const task = scriptedTask(throws(reset()));
    await rejectionOf(crm.execute(task));
    expect(task.runs).toHaveLength(1);
    expect(valueOf(crm, "retry.maxAttempts")).toEqual([1, "override"]);
    expect(valueOf(crm, "retry.baseMs")).toEqual([10, "code"]);
    await clock.advance(30 * MINUTE);
    await rejectionOf(clock.run(crm.execute(task)));
    expect(task.runs).toHaveLength(4);
    expect(valueOf(crm, "retry.maxAttempts")).toEqual([3, "code"]);
  });

  it("runs the first call after the end under what was there before, whoever looks first", async () => {
    const crm = resilient(timeout(1_000), named);
    tune({ timeout: 10 });
    await clock.advance(30 * MINUTE);
    expect(await clock.run(crm.execute(scriptedTask(returns("fine", { afterMs: 500 }))))).toBe(
      "fine",
    );
  });

  it("leaves calls that run to the plan they began with", async () => {
    const crm = resilient(timeout(1_000), named);
    const call = rejectionOf(crm.execute(scriptedTask(hangs())));
    const beganMs = clock.nowMs;
    tune({ timeout: 10 });
    await clock.run(call);
    expect(clock.nowMs - beganMs).toBe(1_000);
  });

  it("gets back the base of then, where that was retuned meanwhile", async () => {
    const crm = resilient(timeout(1_000), retry({ maxAttempts: 3 }), named);
    const handle = tune({ timeout: 10 });
    crm.tune({ retry: { maxAttempts: 2 }, timeout: "2s" });
    expect(valueOf(crm, "timeout.attemptTimeoutMs")).toEqual([10, "override"]);
    expect(valueOf(crm, "retry.maxAttempts")).toEqual([2, "tune"]);
    handle.clear();
    expect(valueOf(crm, "timeout.attemptTimeoutMs")).toEqual([2_000, "tune"]);
  });

  it("keeps the state of its circuit", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const crm = resilient(breaker, named);
    await rejectionOf(crm.execute(fails));
    const handle = tune({ breaker: { consecutiveFailures: 7 } });
    expect(breaker.state()).toBe("open");
    expect(String(crm.explain())).toContain("7 failures in a row");
    handle.clear();
    expect(breaker.state()).toBe("open");
    expect(String(crm.explain())).toContain("1 failures in a row");
  });

  it("has the last word last, option by option, and each end by itself", () => {
    const crm = resilient(timeout(1_000), retry(), named);
    tune({ timeout: 10, retry: { maxAttempts: 1 } });
    const second = tune({ timeout: 20 });
    const values = (): unknown[] =>
      ["timeout.attemptTimeoutMs", "retry.maxAttempts"].map(
        (path) => (valueOf(crm, path) as unknown[])[0],
      );
    expect(values()).toEqual([20, 1]);
    second.clear();
    expect(values()).toEqual([10, 1]);
  });

  it("is under a block and a bypass, and is there after them", async () => {
    const crm = resilient(timeout(1_000), named);
    tune({ timeout: 10 });
    const block = ana("block");
    expect(await rejectionOf(crm.execute(works))).toHaveProperty("code", "ERR_CIRCUIT_FORCED_OPEN");
    block.clear();
    expect(valueOf(crm, "timeout.attemptTimeoutMs")).toEqual([10, "override"]);
  });

  it("says so: as a sentence, in its history and as an event", async () => {
    const crm = resilient(timeout(1_000), named);
    const retuned = eventLog(crm, "policy.retuned");
    tune({ timeout: 10 }).clear();
    await clock.advance(0);
    expect(crm.history()).toMatchObject([
      { how: "override", by: "ana", why: "INC-4711", changes: [{ from: 1_000, to: 10 }] },
      { how: "override", why: "an override has ended", changes: [{ from: 10, to: 1_000 }] },
    ]);
    expect(retuned).toMatchObject([{ how: "override" }, { how: "override" }]);
    tune({ timeout: 10 });
    expect(registry.overrides().map(String)).toEqual([
      'crm: TUNED until 12:30 by ana (INC-4711): other options {"timeout":10}',
    ]);
  });

  it("is one that is made later, too", () => {
    tune({ timeout: 10 }, { policy: "later" });
    const later = definePolicy("later", timeout(1_000));
    expect(valueOf(later, "timeout.attemptTimeoutMs")).toEqual([10, "override"]);
  });
});

describe("a block, a bypass and a retune", () => {
  it("a block stays over a policy that is retuned", async () => {
    const crm = resilient(timeout(1_000), named);
    const block = ana("block");
    crm.retune({ timeout: "2s", breaker: {} });
    expect(await rejectionOf(crm.execute(works))).toHaveProperty("code", "ERR_CIRCUIT_FORCED_OPEN");
    block.clear();
    expect(await crm.execute(works)).toBe("fine");
  });

  it("an end is found all the same", async () => {
    const crm = resilient(timeout(1_000), named);
    ana("block");
    crm.tune({ timeout: "2s" });
    await clock.advance(30 * MINUTE);
    expect(await crm.execute(works)).toBe("fine");
  });
});

describe("a patch that cannot work", () => {
  it.each([
    ["an option that there is not", { timeout: { ms: 10 } }],
    ["a value out of bounds", { retry: { maxAttempts: 0 } }],
    ["what is no patch", { retries: 1 }],
  ])("is refused, also where no policy has that name yet: %s", (_, patch) => {
    expect(() => tune(patch, { policy: "of nobody" })).toThrow("override.patch");
    expect(registry.overrides()).toEqual([]);
  });

  it("is refused where it would change what other policies use", () => {
    const shared = circuitBreaker({ name: "shared" });
    const [crm] = [resilient(shared, named), resilient(shared, { name: "other" })];
    expect(() => tune({ breaker: { openMs: "1m" } })).toThrow("shared with other");
    expect(registry.overrides()).toEqual([]);
    expect(valueOf(crm, "breaker.openMs")).toEqual([15_000, "default"]);
  });

  it("is left out, and told, where only a policy that is made later shows that it does not fit", async () => {
    const refused: unknown[] = [];
    const off = registry.on("override.refused", ({ error }) => refused.push(error.message));
    tune({ bulkhead: { queueLimit: 5 } }, { policy: "roomless" });
    const roomless = resilient({ name: "roomless" });
    await clock.advance(0);
    off();
    expect(refused).toEqual([expect.stringContaining("bulkhead.limit")]);
    expect(await roomless.execute(works)).toBe("fine");
  });

  it("changes beneath it that could not work by themselves are refused as ever", () => {
    const crm = resilient(timeout(1_000), named);
    tune({ timeout: 10 });
    expect(() => crm.tune({ deadline: 500 })).toThrow("timeout.attemptTimeoutMs");
  });
});
