import {
  type AuditEntry,
  type BreakwaterError,
  circuitBreaker,
  logEvents,
  type OverrideRequest,
  registry,
  resilient,
  retryBudget,
} from "@breakwater/core";
import { eventLog } from "@breakwater/core/testing";
import { describe, expect, it } from "vitest";
import { fail, rejectionOf, works } from "../regressions/fixtures.js";
import { ana, atNoon, MINUTE, NOON, thrownBy } from "./support.js";
import { clock } from "../support/virtual-clock.js";

atNoon();

const named = { name: "crm" };
const brittle = () => circuitBreaker({ consecutiveFailures: 1, openMs: "1h", maxOpenMs: "1h" });

/** What is wrong with it: path and what was expected. */
function problems(given: unknown): Record<string, string> {
  const error = thrownBy(() => registry.override(given as OverrideRequest)) as BreakwaterError;
  expect(error.code).toBe("ERR_INVALID_SPEC");
  expect(registry.overrides()).toEqual([]);
  const { issues = [] } = error;
  return Object.fromEntries(issues.map(({ path, expected }) => [path, expected]));
}

const standing = (): string[] =>
  registry.overrides().map(({ policy, key }) => [policy, key].join("/"));

async function done(): Promise<void> {
  const block = ana("block");
  block.clear("ben", "it was not the CRM");
  ana("bypass", { key: "EU", until: MINUTE });
  await clock.advance(MINUTE);
  registry.overrides();
  registry.override({ verb: "reset", policy: "*", by: "ana", why: "to be sure" });
  await clock.advance(0);
}

describe("what an operator asks for", () => {
  const good = { verb: "block", policy: "crm", by: "ana", why: "INC-4711", until: "30m" };

  it("is refused with all that is wrong with it", () => {
    const wrong = {
      verb: "stop",
      policy: 7,
      key: "",
      by: " ".repeat(300),
      until: "soon",
      resaon: "x",
    };
    expect(Object.keys(problems(wrong)).toSorted()).toEqual(
      ["by", "key", "policy", "resaon", "until", "verb", "why"].map((name) => `override.${name}`),
    );
  });

  it.each(["verb", "policy", "by", "why", "until"])("must have %s", (name) => {
    expect(Object.keys(problems({ ...good, [name]: undefined }))).toEqual([`override.${name}`]);
  });

  it.each([
    ["an end that is over", { until: new Date(NOON - 1) }, "until"],
    ["an end without a time zone", { until: "2026-11-24T13:00:00" }, "until"],
    ["an end that is no time", { until: new Date(Number.NaN) }, "until"],
    ["a time that was taken for a duration", { until: NOON + MINUTE }, "until"],
    ["no time at all", { until: 0 }, "until"],
    ["a patch of a block", { patch: {} }, "patch"],
    ["a tune without a patch", { verb: "tune" }, "patch"],
    ["a tune of one key", { verb: "tune", patch: {}, key: "EU" }, "key"],
    ["a tune of all", { verb: "tune", patch: {}, policy: "*" }, "policy"],
    ["a reset with an end", { verb: "reset" }, "until"],
    ["a clear with an end", { verb: "clear" }, "until"],
  ])("is refused: %s", (_, given, field) => {
    expect(Object.keys(problems({ ...good, ...given }))).toEqual([`override.${field}`]);
  });

  it.each([undefined, null, 7, "block", []])("is refused when it is %j", (given) => {
    expect(Object.keys(problems(given))).toEqual(["override"]);
  });

  it("is told what it is called here", () => {
    const error = thrownBy(() => registry.override({ ...good, reason: "x" } as never));
    expect(String(error)).toContain("Here that is why");
  });

  it.each([
    ["a Date", new Date(NOON + 30 * MINUTE)],
    ["an ISO text", new Date(NOON + 30 * MINUTE).toISOString()],
    ["an ISO text with an offset", "2026-11-24T23:59+01:00"],
    ["a duration", "30m"],
    ["milliseconds", 30 * MINUTE],
  ])("may end at %s", (_, until) => {
    ana("block", { until });
    const [override] = registry.overrides();
    expect(override?.remainingMs).toBeGreaterThan(0);
    expect(new Date(override?.until ?? "").getTime()).toBe(NOON + (override?.remainingMs ?? 0));
  });
});

describe("what stands", () => {
  it("is data, and a sentence for people", () => {
    ana("bypass");
    ana("block", { policy: "*", key: "EU", until: "cleared", by: "ben" });
    ana("block", { policy: "rates", until: "1d" });
    expect(registry.overrides().map(String)).toEqual([
      'every policy at "EU": BLOCKED until cleared by ben (INC-4711): every call is refused',
      "rates: BLOCKED until 2026-11-25 12:00 by ana (INC-4711): every call is refused",
      "crm: BYPASSED until 12:30 by ana (INC-4711): every call goes through unprotected",
    ]);
    expect(JSON.parse(JSON.stringify(registry.overrides()[2]))).toEqual({
      id: expect.stringMatching(/^override-\d+$/) as string,
      verb: "bypass",
      policy: "crm",
      by: "ana",
      why: "INC-4711",
      since: new Date(NOON).toISOString(),
      until: new Date(NOON + 30 * MINUTE).toISOString(),
      source: "code",
    });
  });

  it("shows in explain() and health() of the policies beneath", () => {
    const [crm, rates] = [resilient(brittle(), named), resilient({ name: "rates" })];
    ana("bypass");
    expect(String(crm.explain())).toContain(
      "override    BYPASSED until 12:30 by ana (INC-4711): every call goes through unprotected",
    );
    expect(rates.explain().overrides).toEqual([]);
    const { policies, status } = registry.health();
    const healthOf = (name: string) => policies.findLast(({ policy }) => policy === name);
    expect(status).toBe("degraded");
    expect(healthOf("crm")).toMatchObject({ status: "degraded", overrides: [{ verb: "bypass" }] });
    expect(healthOf("rates")).toMatchObject({ status: "ok" });
    expect(healthOf("rates")).not.toHaveProperty("overrides");
  });
});

describe("reset", () => {
  it("closes the circuits and fills the budget, once", async () => {
    const [breaker, budget] = [brittle(), retryBudget({ ratio: 0, reserve: 1 })];
    const crm = resilient(breaker, budget, named);
    await fail(clock, crm, 1);
    await rejectionOf(clock.run(crm.execute(() => Promise.reject(new Error("no")), { key: "EU" })));
    expect([breaker.state(), breaker.state("EU")]).toEqual(["open", "open"]);
    registry.override({ verb: "reset", policy: "crm", by: "ana", why: "INC-4711" });
    expect([breaker.state(), breaker.state("EU")]).toEqual(["closed", "closed"]);
    expect(budget.available().reserve).toBe(1);
    expect(registry.overrides()).toEqual([]);
    await fail(clock, crm, 1);
    expect(breaker.state()).toBe("open");
  });

  it("closes the circuit of one key alone", async () => {
    const breaker = brittle();
    const crm = resilient(breaker, named);
    for (const key of ["EU", "US"])
      await rejectionOf(crm.execute(() => Promise.reject(new Error("no")), { key }));
    registry.override({ verb: "reset", policy: "crm", key: "EU", by: "ana", why: "INC-4711" });
    expect([breaker.state("EU"), breaker.state("US")]).toEqual(["closed", "open"]);
  });

  it("lets those go who wait to be ready, within a second", async () => {
    const crm = resilient(brittle(), named);
    await fail(clock, crm, 1);
    const ready = crm.ready();
    registry.override({ verb: "reset", policy: "*", by: "ana", why: "INC-4711" });
    const beganMs = clock.nowMs;
    await clock.run(ready);
    expect(clock.nowMs - beganMs).toBeLessThanOrEqual(1_000);
  });
});

describe("clear", () => {
  it.each([
    [{ policy: "crm" }, ["*/"]],
    [{ policy: "crm", key: "EU" }, ["*/", "crm/"]],
    [{ policy: "*" }, []],
    [{ policy: "rates" }, ["crm/EU", "crm/", "*/"].toSorted()],
  ])("of %j leaves %j", (which, left) => {
    ana("block", { policy: "*" });
    ana("block");
    ana("block", { key: "EU" });
    registry.override({ verb: "clear", by: "ben", why: "it was not the CRM", ...which });
    expect(standing().toSorted()).toEqual(left);
  });

  it("leaves the circuit half-open where both a block and a bypass of it are taken off", () => {
    const breaker = circuitBreaker();
    resilient(breaker, named);
    ana("block");
    ana("bypass");
    registry.override({ verb: "clear", policy: "crm", by: "ana", why: "over" });
    expect(breaker.state()).toBe("half-open");
  });

  it("twice is clear once", async () => {
    const crm = resilient(named);
    const ended = eventLog(crm, "override.ended");
    const block = ana("block");
    block.clear();
    block.clear();
    await clock.advance(0);
    expect(ended).toHaveLength(1);
    expect(await crm.execute(works)).toBe("fine");
  });
});

describe("who may do that", () => {
  it("is asked with who, what, and to which policy; and may say no", async () => {
    const asked: unknown[] = [];
    registry.authorize((...what) => asked.push(what) > 1);
    expect(thrownBy(() => ana("block"))).toMatchObject({
      code: "ERR_OVERRIDE_REFUSED",
      policy: "crm",
      message: "ana is not allowed to block crm: registry.authorize said no. Nothing has changed.",
    });
    expect(registry.overrides()).toEqual([]);
    ana("bypass", { policy: "*" });
    expect(asked).toEqual([
      ["ana", "block", "crm"],
      ["ana", "bypass", "*"],
    ]);
  });

  it.each([
    ["false", () => false],
    ["nothing", () => undefined],
    ["a truthy answer that is not true", () => 1],
    ["a promise, also of true", async () => true],
    ["a promise that rejects", () => Promise.reject(new Error("later"))],
    [
      "an exception",
      () => {
        throw new Error("only the night shift");
      },
    ],
  ])("%s means no, and leaves a trace", async (_, answer) => {
    const audit: AuditEntry[] = [];
    const off = registry.audit((entry) => audit.push(entry));
    registry.authorize(answer as never);
    expect(() => ana("block")).toThrow("not allowed");
    await clock.advance(0);
    expect(audit).toMatchObject([{ type: "override.refused", by: "ana", severity: "warning" }]);
    registry.authorize(undefined);
    off();
  });

  it("gives the reason as the cause", () => {
    registry.authorize(() => {
      throw new Error("only the night shift");
    });
    expect(thrownBy(() => ana("block"))).toMatchObject({
      cause: { message: "only the night shift" },
    });
    registry.authorize(undefined);
  });

  it("is asked about what stands already, too", async () => {
    const crm = resilient(named);
    ana("block");
    ana("block", { by: "ben", policy: "rates" });
    registry.authorize((by) => by === "ben");
    expect(registry.overrides().map(({ by }) => by)).toEqual(["ben"]);
    expect(await crm.execute(works)).toBe("fine");
  });
});

describe("what was done", () => {
  const DONE = [
    {
      type: "override.set",
      policy: "crm",
      target: "crm",
      verb: "block",
      by: "ana",
      source: "code",
    },
    {
      type: "override.ended",
      ended: "cleared",
      by: "ana",
      endedBy: "ben",
      endedWhy: "it was not the CRM",
    },
    {
      type: "override.set",
      verb: "bypass",
      key: "EU",
      until: new Date(NOON + MINUTE).toISOString(),
    },
    { type: "override.ended", ended: "expired", verb: "bypass" },
    { type: "override.acted", policy: "*", target: "*", verb: "reset", why: "to be sure" },
  ];

  it("is told to whoever watches the registry, and to the audit sink", async () => {
    const [audit, heard]: AuditEntry[][] = [[], []];
    const off = registry.audit((entry) => audit?.push(entry));
    const unsubscribe = registry.on("*", (event) => heard?.push(event as AuditEntry));
    await done();
    expect(audit).toMatchObject(DONE);
    expect(heard).toMatchObject(DONE);
    expect(JSON.parse(JSON.stringify(audit))).toEqual(audit);
    off();
    unsubscribe();
    ana("block");
    await clock.advance(0);
    expect(audit).toHaveLength(DONE.length);
  });

  it("is told to a policy's own listeners, under its own name", async () => {
    const crm = resilient(named);
    const heard = eventLog(crm, "override.set");
    ana("block", { policy: "*" });
    ana("block", { policy: "rates" });
    await clock.advance(0);
    expect(heard).toMatchObject([{ policy: "crm", target: "*" }]);
  });

  it("may not be kept: a sink that fails changes nothing, and that is told", async () => {
    const failed: unknown[] = [];
    const offs = [
      registry.on("hook.failed", (event) => failed.push(event)),
      registry.audit(() => {
        throw new Error("disk full");
      }),
      registry.audit(() => Promise.reject(new Error("no route"))),
    ];
    ana("block");
    expect(registry.overrides()).toHaveLength(1);
    await clock.advance(0);
    expect(failed).toMatchObject([
      { hook: "audit", error: { message: "disk full" } },
      { hook: "audit", error: { message: "no route" } },
    ]);
    for (const off of offs) off();
  });

  it("reads as sentences in the log", async () => {
    const lines: string[] = [];
    const write = (line: { readonly msg: string }): number => lines.push(line.msg);
    const off = logEvents(registry, {
      error: write,
      warn: write,
      info: write,
      debug: write,
    });
    await done();
    registry.authorize(() => false);
    expect(() => ana("block")).toThrow("not allowed");
    await clock.advance(0);
    off();
    expect(lines).toEqual([
      expect.stringMatching(/^block crm by ana \(INC-4711\), until .*Z \(code\)$/),
      "cleared by ben (it was not the CRM): block crm by ana (INC-4711)",
      expect.stringMatching(/^bypass crm at "EU" by ana \(INC-4711\), until .*Z \(code\)$/),
      'expired: bypass crm at "EU" by ana (INC-4711)',
      "reset every policy by ana (to be sure)",
      "not allowed: block crm by ana (INC-4711): NotAllowed: authorize answered false",
    ]);
  });
});
