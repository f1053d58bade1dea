import {
  bulkhead,
  circuitBreaker,
  explainError,
  fallback,
  isRefusal,
  resilient,
  retry,
  retryBudget,
} from "@breakwater/core";
import { hangs, returns, scriptedTask, throws } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { fails, rejectionOf, reset, works } from "../regressions/fixtures.js";
import { ana, atNoon, clearAll, MINUTE } from "./support.js";
import { clock } from "../support/virtual-clock.js";

atNoon();

const named = { name: "crm" };

describe("a blocked policy", () => {
  it("refuses every call without running the task, and says who, why and until when", async () => {
    const crm = resilient(circuitBreaker(), named);
    ana("block");
    const task = scriptedTask(returns("fine"));
    const error = await rejectionOf(crm.execute(task));
    expect(task.runs).toHaveLength(0);
    expect(isRefusal(error)).toBe(true);
    expect(error).toMatchObject({
      code: "ERR_CIRCUIT_FORCED_OPEN",
      policy: "crm",
      retryAfterMs: 30 * MINUTE,
      message:
        "crm refused the call: an operator has blocked it until 12:30 by ana (INC-4711). The task did not run.",
    });
  });

  it("gives no time to ask again where nobody knows one", async () => {
    const crm = resilient(named);
    ana("block", { until: "cleared" });
    const error = await rejectionOf(crm.execute(works));
    expect(error).not.toHaveProperty("retryAfterMs");
    expect(error).toHaveProperty("message", expect.stringContaining("until cleared by ana"));
  });

  it("counts what it refuses, and lets a fallback answer", async () => {
    const crm = resilient(
      circuitBreaker(),
      fallback(() => "kept"),
      named,
    );
    ana("block");
    expect(await crm.execute(fails)).toBe("kept");
    expect(crm.snapshot().counters).toMatchObject({ refusedCalls: 1, fallbacks: 1 });
  });

  it("refuses also where the policy is off", async () => {
    const crm = resilient({ ...named, mode: "off" });
    ana("block");
    expect(await rejectionOf(crm.execute(works))).toHaveProperty("code", "ERR_CIRCUIT_FORCED_OPEN");
  });

  it("goes on being drained", async () => {
    const crm = resilient(named);
    await clock.run(crm.drain());
    ana("bypass");
    expect(await rejectionOf(crm.execute(works))).toHaveProperty("code", "ERR_DRAINING");
    clearAll();
    expect(await rejectionOf(crm.execute(works))).toHaveProperty("code", "ERR_DRAINING");
  });
});

const repeats = () =>
  [retry({ maxAttempts: 3, baseMs: 1_000, jitter: "none" }), retryBudget({ reserve: 3 })] as const;

describe("calls in flight when the block is set", () => {
  it("end by themselves: a running attempt gives its result", async () => {
    const crm = resilient(...repeats(), named);
    const call = crm.execute(scriptedTask(returns("fine", { afterMs: 50 })));
    ana("block");
    expect(await clock.run(call)).toBe("fine");
  });

  it("get the error of a running attempt that fails, and no other attempt", async () => {
    const crm = resilient(...repeats(), named);
    const task = scriptedTask(throws(reset(), { afterMs: 50 }));
    const call = rejectionOf(crm.execute(task));
    ana("block");
    const error = await clock.run(call);
    expect(error).toHaveProperty("code", "ECONNRESET");
    expect(task.runs).toHaveLength(1);
    expect(explainError(error)?.stoppedBy).toBe("refused");
  });

  it("get the last error at once when they sleep before a retry, whose token goes back", async () => {
    const budget = retryBudget({ ratio: 0, reserve: 3 });
    const crm = resilient(retry({ maxAttempts: 3, baseMs: 1_000, jitter: "none" }), budget, named);
    const call = rejectionOf(crm.execute(fails));
    await clock.advance(10);
    expect(budget.available().reserve).toBe(2);
    const beganMs = clock.nowMs;
    ana("block");
    const error = await call;
    expect(error).toHaveProperty("code", "ECONNRESET");
    expect(explainError(error)?.stoppedBy).toBe("refused");
    expect(clock.nowMs).toBe(beganMs);
    expect(budget.available().reserve).toBe(3);
  });

  it("go on sleeping where their retry is due only after the block", async () => {
    const crm = resilient(...repeats(), named);
    const task = scriptedTask(throws(reset()), returns("fine"));
    const call = crm.execute(task);
    await clock.advance(10);
    ana("block", { until: 500 });
    expect(await clock.run(call)).toBe("fine");
  });

  it("may fail during the block and be repeated after it", async () => {
    const crm = resilient(...repeats(), named);
    const call = crm.execute(scriptedTask(throws(reset(), { afterMs: 50 }), returns("fine")));
    ana("block", { until: 500 });
    expect(await clock.run(call)).toBe("fine");
  });

  it("are refused when they wait in a queue or for ready()", async () => {
    const room = bulkhead({ limit: 1, queueLimit: 5, queueWaitMs: "10s" });
    const crm = resilient(room, named);
    const first = crm.execute(scriptedTask(returns("fine", { afterMs: 1_000 })));
    const queued = rejectionOf(crm.execute(works));
    const ready = rejectionOf(crm.ready());
    await clock.advance(10);
    ana("block");
    expect(await queued).toHaveProperty("code", "ERR_CIRCUIT_FORCED_OPEN");
    expect(await ready).toHaveProperty("code", "ERR_CIRCUIT_FORCED_OPEN");
    expect(await rejectionOf(crm.ready())).toHaveProperty("code", "ERR_CIRCUIT_FORCED_OPEN");
    expect(await clock.run(first)).toBe("fine");
    expect(room.queued).toBe(0);
  });
});

describe("after a block", () => {
  it("the circuit is half-open, of each key that there is", async () => {
    const breaker = circuitBreaker({ probes: 1 });
    const crm = resilient(breaker, named);
    await crm.execute(works, { key: "EU" });
    const block = ana("block");
    block.clear();
    expect([breaker.state(), breaker.state("EU")]).toEqual(["half-open", "half-open"]);
    const probe = crm.execute(scriptedTask(returns("fine", { afterMs: 10 })));
    expect(await rejectionOf(crm.execute(works))).toHaveProperty("code", "ERR_CIRCUIT_OPEN");
    expect(await clock.run(probe)).toBe("fine");
    expect(breaker.state()).toBe("closed");
  });

  it("an instance's own circuit is half-open, too", async () => {
    const crm = resilient(circuitBreaker({ probes: 1 }), { ...named, scope: "instance" });
    class Client {
      run = crm.wrap(async (_ms: number) => "fine");
    }
    const client = new Client();
    expect(await client.run(0)).toBe("fine");
    ana("block").clear();
    const hung = crm.wrap(() => new Promise<never>(() => {}));
    void hung.call(client);
    expect(await rejectionOf(client.run(0))).toHaveProperty("code", "ERR_CIRCUIT_OPEN");
  });

  it("the circuit is as it was, as long as another block stands", () => {
    const breaker = circuitBreaker();
    resilient(breaker, named);
    const [wide, narrow] = [ana("block", { policy: "*" }), ana("block")];
    narrow.clear();
    expect(breaker.state()).toBe("closed");
    wide.clear();
    expect(breaker.state()).toBe("half-open");
  });

  it("nothing is special where there is no breaker", async () => {
    const crm = resilient(bulkhead({ limit: 1 }), named);
    ana("block").clear();
    expect(await crm.execute(works)).toBe("fine");
  });

  it("who waits for ready() of a hung probe waits on", async () => {
    const crm = resilient(circuitBreaker({ probes: 1 }), named);
    ana("block").clear();
    void crm.execute(scriptedTask(hangs()));
    let isReady = false;
    void crm.ready().then(() => (isReady = true));
    await clock.advance(5_000);
    expect(isReady).toBe(false);
  });
});

const failsOnce = () => scriptedTask(throws(reset()), returns("fine"));

describe("a blocked key", () => {
  it("is refused, and no other", async () => {
    const crm = resilient(circuitBreaker(), named);
    ana("block", { key: "EU" });
    expect(await rejectionOf(crm.execute(works, { key: "EU" }))).toMatchObject({
      code: "ERR_CIRCUIT_FORCED_OPEN",
      key: "EU",
    });
    expect(await crm.execute(works, { key: "US" })).toBe("fine");
    expect(await crm.execute(works)).toBe("fine");
  });

  it("is found by the policy's own function, which is asked once per call", async () => {
    const asked: unknown[] = [];
    const crm = resilient(circuitBreaker(), {
      ...named,
      key: (_: never, region: string) => (asked.push(region), region),
    });
    const call = crm.wrap(async (_region: string) => "fine");
    ana("block", { key: "EU" });
    expect(await call("US")).toBe("fine");
    expect(await rejectionOf(call("EU"))).toHaveProperty("key", "EU");
    expect(asked).toEqual(["US", "EU"]);
  });

  it("ends the waits of its own calls only", async () => {
    const crm = resilient(retry({ baseMs: 1_000, jitter: "none" }), named);
    const eu = rejectionOf(crm.execute(failsOnce(), { key: "EU" }));
    const us = crm.execute(failsOnce(), { key: "US" });
    await clock.advance(1);
    ana("block", { key: "EU" });
    expect(await eu).toHaveProperty("code", "ECONNRESET");
    expect(await clock.run(us)).toBe("fine");
  });

  it("is half-open afterwards, and the others are as they were", async () => {
    const breaker = circuitBreaker();
    const crm = resilient(breaker, named);
    await crm.execute(works, { key: "US" });
    ana("block", { key: "EU" }).clear();
    expect([breaker.state("EU"), breaker.state("US"), breaker.state()]).toEqual([
      "half-open",
      "closed",
      "closed",
    ]);
  });
});
