import {
  circuitBreaker,
  classify,
  currentCall,
  explainError,
  fallback,
  type OutcomeRules,
  resilient,
  retry,
  retryAfterMsOf,
  runningCall,
  verdictOfStatus,
} from "@breakwater/core";
import { scriptedTask, throws } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { rejectionOf, reset } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

const failing = () => scriptedTask(throws(reset()), throws(reset()), throws(reset()));

describe("maxAttempts of one call", () => {
  it.each([
    [1, 1],
    [2, 2],
    [9, 3],
  ])("%i makes %i of the three attempts that the policy allows", async (maxAttempts, runs) => {
    const task = failing();
    await clock.run(
      resilient(retry())
        .execute(task, { maxAttempts })
        .catch(() => {}),
    );
    expect(task.runs).toHaveLength(runs);
  });

  it("leaves an error that was tried once to the retries of a policy around it", async () => {
    const task = failing();
    const inner = resilient(retry(), { name: "inner" });
    const outer = resilient(retry(), { name: "outer" });
    const once = (): Promise<unknown> => inner.execute(task, { maxAttempts: 1 });
    await clock.run(outer.execute(once).catch(() => {}));
    expect(task.runs).toHaveLength(3);
  });

  it.each([0, 1.5, 101, "2"])("rejects %j and says what it may be", async (maxAttempts) => {
    const options = { maxAttempts: maxAttempts as number };
    await expect(resilient().execute(() => 1, options)).rejects.toThrow(
      /maxAttempts: expected a whole number from 1 to 100, received ("2"|[\d.]+)/,
    );
  });
});

describe("classify of one call", () => {
  const permanent: OutcomeRules = { error: () => "permanent" };

  it.each([
    ["without retries", circuitBreaker({ consecutiveFailures: 1 })],
    ["with retries", retry()],
  ])("judges what the policy's own rules leave open, %s", async (_, part) => {
    const policy = resilient(part);
    const error = await clock.run(rejectionOf(policy.execute(failing(), { classify: permanent })));
    expect(explainError(error)?.attempts).toMatchObject([{ verdict: "permanent", known: true }]);
  });

  it("comes after the policy's own rules", async () => {
    const policy = resilient(
      retry(),
      classify(() => "ignored"),
    );
    const error = await clock.run(rejectionOf(policy.execute(failing(), { classify: permanent })));
    expect(explainError(error)?.stoppedBy).toBe("ignored");
  });

  it("judges results, and says so to the fallback", async () => {
    const policy = resilient(
      retry(),
      fallback(() => "stale", { on: ["throttled"] }),
    );
    const throttled: OutcomeRules = { error: () => "throttled", result: () => "transient" };
    expect(await clock.run(policy.execute(failing(), { classify: throttled }))).toBe("stale");
    let runs = 0;
    await clock.run(policy.execute(() => ++runs, { classify: throttled }));
    expect(runs).toBe(3);
  });

  it("a rule that throws changes nothing, and is reported", async () => {
    const policy = resilient(retry({ maxAttempts: 1 }), { name: "crm" });
    const heard: unknown[] = [];
    policy.on("hook.failed", ({ hook }) => heard.push(hook));
    const broken: OutcomeRules = {
      error: () => {
        throw new Error("a bug in a rule");
      },
    };
    const error = await clock.run(rejectionOf(policy.execute(failing(), { classify: broken })));
    expect(explainError(error)?.attempts).toMatchObject([{ verdict: "transient", known: true }]);
    expect(heard).toEqual(["classifier"]);
  });

  it("rejects what is no object", async () => {
    const options = { classify: "transient" as OutcomeRules };
    await expect(resilient().execute(() => 1, options)).rejects.toThrow(
      /classify: expected an obj/,
    );
  });
});

describe("runningCall", () => {
  it("is undefined outside a call, and the current call inside", async () => {
    expect(runningCall()).toBeUndefined();
    await resilient({ name: "crm" }).execute(() => {
      expect(runningCall()).toBe(currentCall());
      expect(runningCall()?.policy).toBe("crm");
    });
  });
});

describe("retryAfterMsOf", () => {
  it("reads seconds and dates, and 0 from anything else", () => {
    expect(retryAfterMsOf("3")).toBe(3_000);
    expect(retryAfterMsOf("soon")).toBe(0);
    expect(retryAfterMsOf(undefined)).toBe(0);
  });
});

describe("verdictOfStatus", () => {
  it("is that of the default rules, and undefined for what is no failure", () => {
    expect([200, 304, 404, 429, 503].map(verdictOfStatus)).toEqual([
      undefined,
      undefined,
      "permanent",
      "throttled",
      "transient",
    ]);
  });
});
