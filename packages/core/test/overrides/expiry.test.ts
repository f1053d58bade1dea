import { circuitBreaker, registry, resilient } from "@breakwater/core";
import { eventLog } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { clock as time } from "../../src/time/clock.js";
import { rejectionOf, works } from "../regressions/fixtures.js";
import { ana, atNoon, MINUTE, NOON } from "./support.js";
import { clock } from "../support/virtual-clock.js";

atNoon();

const named = { name: "crm" };

/** Lets time pass without anything that would run a timer of ours: there is none to run. */
async function pass(ms: number): Promise<void> {
  const setTimer = time.setTimer.bind(time);
  let timers = 0;
  time.setTimer = (fn, afterMs) => (timers++, setTimer(fn, afterMs));
  await clock.advance(ms);
  expect(timers).toBe(0);
}

describe("an override that has ended", () => {
  it("is found by the call that comes first, without any timer", async () => {
    const breaker = circuitBreaker({ probes: 1 });
    const crm = resilient(breaker, named);
    ana("block");
    await pass(30 * MINUTE - 1);
    expect(await rejectionOf(crm.execute(works))).toHaveProperty("retryAfterMs", 1);
    expect(breaker.state()).toBe("closed");
    await pass(1);
    expect(await crm.execute(works)).toBe("fine");
    expect(registry.overrides()).toEqual([]);
  });

  it.each([
    ["ready()", (crm: ReturnType<typeof resilient>) => crm.ready()],
    ["explain()", (crm: ReturnType<typeof resilient>) => crm.explain()],
    ["health()", () => registry.health()],
    ["overrides()", () => registry.overrides()],
  ])("is found by %s", async (_, look) => {
    const breaker = circuitBreaker();
    const crm = resilient(breaker, named);
    ana("block");
    await pass(30 * MINUTE);
    await look(crm);
    expect(breaker.state()).toBe("half-open");
  });

  it("gives way to the one beneath", async () => {
    const crm = resilient(circuitBreaker(), named);
    ana("bypass", { until: "1h" });
    ana("block", { until: "30m" });
    await pass(30 * MINUTE);
    expect(await crm.execute(works)).toBe("fine");
    expect(registry.overrides().map(({ verb }) => verb)).toEqual(["bypass"]);
  });

  it("ends in the order of the ends, however late anybody looks", async () => {
    const breaker = circuitBreaker();
    const crm = resilient(breaker, named);
    const ended = eventLog(crm, "override.ended");
    ana("bypass", { until: "1h" });
    ana("block", { until: "30m" });
    await pass(2 * 60 * MINUTE);
    await crm.execute(works);
    await clock.advance(0);
    expect(ended.map((event) => "verb" in event && event.verb)).toEqual(["block", "bypass"]);
    expect(breaker.state()).toBe("closed");
  });
});

describe("a wall clock that is set", () => {
  it.each([-24, 24])("by %d hours neither prolongs nor shortens what stands", async (hours) => {
    const crm = resilient(named);
    ana("block", { until: new Date(NOON + 30 * MINUTE) });
    clock.wallMs += hours * 60 * MINUTE;
    await pass(30 * MINUTE - 1);
    expect(await rejectionOf(crm.execute(works))).toHaveProperty("retryAfterMs", 1);
    await pass(1);
    expect(await crm.execute(works)).toBe("fine");
  });
});
