import { bulkhead, circuitBreaker, registry, resilient, Resilient, retry } from "@breakwater/core";
import { returns, scriptedTask, throws } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { fail, fails, rejectionOf, reset, works } from "../regressions/fixtures.js";
import { ana, atNoon } from "./support.js";
import { clock } from "../support/virtual-clock.js";

atNoon();

const named = { name: "crm" };
const brittle = () => circuitBreaker({ consecutiveFailures: 1, openMs: "1h", maxOpenMs: "1h" });

describe("a bypassed policy", () => {
  it("lets every call through, once, and hears of nothing", async () => {
    const crm = resilient(brittle(), retry(), named);
    ana("bypass");
    const task = scriptedTask(throws(reset()));
    await rejectionOf(crm.execute(task));
    await rejectionOf(crm.execute(task));
    expect(task.runs).toHaveLength(2);
  });

  it("gives the task's own promise back", () => {
    const promise = works();
    const call = resilient(brittle(), named).wrap(() => promise);
    ana("bypass", { until: "cleared" });
    expect(call()).toBe(promise);
  });

  it("lets calls through an open circuit, and those go that waited to be ready", async () => {
    const crm = resilient(brittle(), named);
    await fail(clock, crm, 1);
    const ready = crm.ready();
    ana("bypass");
    await ready;
    await crm.ready();
    expect(await crm.execute(works)).toBe("fine");
  });

  it("leaves running calls to the plan they began with", async () => {
    const crm = resilient(retry({ baseMs: 100 }), bulkhead({ limit: 1, queueLimit: 1 }), named);
    const first = crm.execute(scriptedTask(throws(reset(), { afterMs: 10 }), returns("first")));
    const queued = crm.execute(scriptedTask(returns("second")));
    await clock.advance(1);
    ana("bypass");
    expect(await clock.run(Promise.all([first, queued]))).toEqual(["first", "second"]);
  });

  it("is closed and empty afterwards", async () => {
    const breaker = brittle();
    const crm = resilient(breaker, named);
    await fail(clock, crm, 1);
    await rejectionOf(crm.execute(fails, { key: "EU" }));
    const bypass = ana("bypass");
    expect(breaker.state()).toBe("open");
    bypass.clear();
    expect([breaker.state(), breaker.state("EU")]).toEqual(["closed", "closed"]);
  });

  it("may be one key alone", async () => {
    const breaker = brittle();
    const crm = resilient(breaker, named);
    for (const key of ["EU", "US"]) await rejectionOf(crm.execute(fails, { key }));
    const bypass = ana("bypass", { key: "EU" });
    expect(await crm.execute(({ key }) => key, { key: "EU" })).toBe("EU");
    expect(await rejectionOf(crm.execute(works, { key: "US" }))).toHaveProperty(
      "code",
      "ERR_CIRCUIT_OPEN",
    );
    bypass.clear();
    expect([breaker.state("EU"), breaker.state("US")]).toEqual(["closed", "open"]);
  });
});

describe("policies made later", () => {
  it("obey what stands already, by name and by '*'", async () => {
    const bypass = ana("bypass", { policy: "later" });
    const later = resilient(brittle(), { name: "later" });
    for (let n = 0; n < 2; n++)
      expect(await rejectionOf(later.execute(fails))).toHaveProperty("code", "ECONNRESET");
    bypass.clear();
    ana("block", { policy: "*" });
    expect(await rejectionOf(resilient(named).execute(works))).toHaveProperty(
      "code",
      "ERR_CIRCUIT_FORCED_OPEN",
    );
  });

  it("are those of decorated methods, too", async () => {
    class Rates {
      @Resilient(brittle())
      async latest(): Promise<string> {
        return "fine";
      }
    }
    const block = ana("block", { policy: "Rates.latest" });
    const rates = new Rates();
    expect(await rejectionOf(rates.latest())).toHaveProperty("policy", "Rates.latest");
    block.clear();
    expect(await rates.latest()).toBe("fine");
  });
});

it("two policies of one name are under the same override", async () => {
  const both = [resilient(named), resilient(named)];
  ana("block");
  for (const crm of both)
    expect(await rejectionOf(crm.execute(works))).toHaveProperty("code", "ERR_CIRCUIT_FORCED_OPEN");
  expect(registry.overrides()).toHaveLength(1);
});
