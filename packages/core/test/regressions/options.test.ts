import {
  bulkhead,
  circuitBreaker,
  protect,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { describe, expect, it, vi } from "vitest";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { clock as clockInUse } from "../../src/time/clock.js";
import { fail, rejectionOf, reset, works } from "./fixtures.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

useVirtualClock();

describe("options", () => {
  it("that do nothing don't exist: an exponent is refused (C3)", () => {
    expect(() => retry({ exponent: 3 } as object)).toThrow(/retry\.exponent/);
  });

  it.each([
    ["concurrencyLimit", () => bulkhead({ concurrencyLimit: 1 } as never), "limit"],
    ["queue", () => bulkhead({ limit: 1, queue: 5 } as never), "bulkhead.queue"],
    ["backoffMs", () => retry({ backoffMs: 5 } as object), "retry.backoffMs"],
    ["baseDelayMs", () => retry({ baseDelayMs: 5 } as object), "retry.baseDelayMs"],
  ])("that are not ours are never silently without effect: %s (R4)", (_, make, said) => {
    expect(make).toThrow(expect.objectContaining({ code: "ERR_INVALID_SPEC" }));
    expect(make).toThrow(said);
  });

  it("are not changed, and not kept: what the caller does to them later means nothing (O9)", async () => {
    const options = { consecutiveFailures: 2, name: "crm" };
    const before = structuredClone(options);
    const breaker = circuitBreaker(options);
    const policy = resilient(breaker, { name: "crm" });
    await fail(clock, policy, 1);
    expect(options).toEqual(before);
    options.consecutiveFailures = 100;
    await fail(clock, policy, 1);
    expect(breaker.state()).toBe("open");
  });

  it("may be frozen, and shared by parts that share nothing else (O9)", async () => {
    const options = Object.freeze({ consecutiveFailures: 1 });
    const [one, other] = [circuitBreaker(options), circuitBreaker(options)];
    await fail(clock, resilient(one), 1);
    expect([one.state(), other.state()]).toEqual(["open", "closed"]);
  });
});

interface Quotes {
  latest(): Promise<string>;
}

/** An instance of another class `Rates` each time. */
function ratesFrom(outcome: () => Promise<string>): Quotes {
  class Rates {
    latest(): Promise<string> {
      return outcome();
    }
  }
  protect(Rates, { latest: [] });
  return new Rates();
}

describe("two classes of one name", () => {
  it("have a circuit each (R5)", async () => {
    const sick = ratesFrom(() => Promise.reject(reset()));
    const well = ratesFrom(works);
    for (let n = 0; n < 5; n++) await rejectionOf(clock.run(sick.latest()));
    expect(await rejectionOf(sick.latest())).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
    expect(await well.latest()).toBe("fine");
  });
});

describe("a breaker", () => {
  it("needs no timer, open or closed: a script may end at any time (M8, O10)", async () => {
    const setTimer = vi.spyOn(clockInUse, "setTimer");
    const interval = vi.spyOn(globalThis, "setInterval");
    for (let n = 0; n < 10; n++) await fail(clock, resilient(circuitBreaker(), { name: "crm" }), 5);
    expect(setTimer).not.toHaveBeenCalled();
    expect(interval).not.toHaveBeenCalled();
    interval.mockRestore();
  });

  it("that nobody holds any more is forgotten, with its policy (M6, O10)", async () => {
    const gone = await abandoned(100);
    await new Promise(setImmediate);
    collectGarbage();
    const kept = gone.filter((reference) => reference.deref() !== undefined);
    expect(kept.length).toBeLessThanOrEqual(4); // the parts of the very last call, at most
  });
});

/** In a function of its own, so that nothing is left of them on the stack. */
async function abandoned(count: number): Promise<WeakRef<object>[]> {
  const references: WeakRef<object>[] = [];
  for (let n = 0; n < count; n++) {
    const parts = [circuitBreaker(), retryBudget(), bulkhead({ limit: 5 })];
    const policy = resilient(...parts, timeout("5s"));
    policy.on("*", () => {});
    await policy.execute(works, { key: `tenant ${n}` });
    references.push(new WeakRef(policy), ...parts.map((part) => new WeakRef(part)));
  }
  await clock.advance(10_000);
  return references;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
