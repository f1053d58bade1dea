import {
  BreakwaterError,
  bulkhead,
  circuitBreaker,
  classify,
  fallback,
  resilient,
  retry,
  retryBudget,
} from "@breakwater/core";
import { eventLog, returns, scriptedTask, throws } from "@breakwater/core/testing";
import { describe, expect, it, vi } from "vitest";
import { fail, rejectionOf, reset, works } from "./fixtures.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

useVirtualClock();

const bug = (): never => {
  throw new Error("a bug in a hook");
};

const valueOf = (n: number): Promise<string> => Promise.resolve(`value ${n}`);

describe("a fallback", () => {
  it("gives the caller its value (M5)", async () => {
    const policy = resilient(
      circuitBreaker(),
      fallback(() => "a stale copy"),
    );
    expect(await policy.execute(scriptedTask(throws(reset())))).toBe("a stale copy");
  });
});

describe("the task's own error", () => {
  it("reaches the caller although the classifier throws (C14)", async () => {
    const error = reset();
    const policy = resilient(classify({ error: bug, result: bug }), retry());
    const call = policy.execute(scriptedTask(throws(error)));
    expect(await rejectionOf(clock.run(call))).toBe(error);
  });

  it("reaches the caller although every listener throws (C14)", async () => {
    const error = reset();
    const policy = resilient(circuitBreaker({ consecutiveFailures: 2 }), retry());
    policy.on("*", bug);
    policy.on("retry.scheduled", bug);
    policy.on("attempt.settled", bug);
    const task = scriptedTask(throws(error));
    expect(await rejectionOf(clock.run(policy.execute(task)))).toBe(error);
    expect(task.runs).toHaveLength(2);
  });
});

describe("a refusal", () => {
  it("says by name who refused, what it means and when to come back (C12)", async () => {
    const breaker = circuitBreaker({ name: "crm circuit", consecutiveFailures: 1, openMs: 1_000 });
    const policy = resilient(breaker, { name: "crm" });
    await fail(clock, policy, 1);
    const error = (await rejectionOf(policy.execute(works))) as BreakwaterError;
    expect(error).toBeInstanceOf(BreakwaterError);
    expect(error).toMatchObject({
      name: "BreakwaterError",
      code: "ERR_CIRCUIT_OPEN",
      policy: "crm",
      guard: "crm circuit",
      isRefusal: true,
      cause: { code: "ECONNRESET" },
    });
    expect(error.retryAfterMs).toBeGreaterThan(0);
    expect(error.message).toContain("crm circuit");
  });

  it("is an error of its own for each caller (O9)", async () => {
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }));
    await fail(clock, policy, 1);
    const [one, other] = await Promise.all([
      rejectionOf(policy.execute(works)),
      rejectionOf(policy.execute(works)),
    ]);
    expect(one).not.toBe(other);
  });
});

describe("listeners of a policy", () => {
  it("hear all of its parts, not just the outermost (C15)", async () => {
    const parts = [
      circuitBreaker({ consecutiveFailures: 2 }),
      retryBudget(),
      bulkhead({ limit: 9 }),
    ];
    const policy = resilient(...parts, retry());
    const types = ["circuit.opened", "retry.scheduled", "retry.denied", "attempt.settled"] as const;
    const events = eventLog(policy, ...types);
    await fail(clock, policy, 1);
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(types));
  });
});

describe("a task", () => {
  it("may return undefined, whatever its policy (O8)", async () => {
    for (const policy of [resilient(circuitBreaker()), resilient(circuitBreaker(), retry())])
      expect(await policy.execute(() => undefined)).toBeUndefined();
  });

  it("that throws at once rejects its call, which never throws itself (O8)", async () => {
    for (const policy of [resilient(circuitBreaker()), resilient(circuitBreaker(), retry())]) {
      const call = policy.execute(bug);
      expect(await rejectionOf(clock.run(call))).toMatchObject({ message: "a bug in a hook" });
    }
  });

  it("that is wrapped gets its own arguments and nothing more (C15)", async () => {
    const raw = vi.fn<(...args: unknown[]) => Promise<string>>(() => Promise.resolve("fine"));
    for (const policy of [resilient(circuitBreaker()), resilient(circuitBreaker(), retry())])
      await policy.wrap(raw)("EUR", 2);
    expect(raw.mock.calls).toEqual([
      ["EUR", 2],
      ["EUR", 2],
    ]);
  });

  it("gets the same arguments and gives the same result when parts are taken away (M1)", async () => {
    const parts = [circuitBreaker(), retryBudget(), bulkhead({ limit: 5 })];
    for (const less of [{}, { breaker: null }, { budget: null }, { bulkhead: null }]) {
      const wrapped = resilient(...parts, less).wrap(valueOf);
      expect([await wrapped(1), await wrapped(2)]).toEqual(["value 1", "value 2"]);
    }
  });
});

describe("a call", () => {
  it("writes nothing to the console, whether it works, fails or is refused (R5)", async () => {
    const writes = (["log", "info", "warn", "error", "debug"] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation(() => {}),
    );
    const policy = resilient(circuitBreaker({ consecutiveFailures: 2 }), retry());
    await clock.run(policy.execute(scriptedTask(throws(reset()), returns("fine"))));
    await fail(clock, policy, 2);
    for (const write of writes) {
      expect(write).not.toHaveBeenCalled();
      write.mockRestore();
    }
  });
});
