import {
  bulkhead,
  circuitBreaker,
  classify,
  deadline,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { expect, it } from "vitest";

it("explains a policy in the order in which it works, as text and as data", () => {
  const policy = resilient(
    circuitBreaker({ failureRatio: 0.5, slowCallMs: "2s", window: { count: 50 }, openMs: "5s" }),
    retryBudget({ ratio: 0.1, reserve: 0 }),
    retry({ maxAttempts: 5, baseMs: 100, maxMs: "1s", jitter: "equal" }),
    deadline("10s"),
    timeout("1s"),
    bulkhead({ limit: 8, perKey: true }),
    classify({ error: () => undefined, unknown: "permanent" }),
    { name: "crm", idempotent: false, dependency: "CRM", owner: "ana", runbook: "wiki/crm" },
  );
  expect(String(policy.explain()).split("\n")).toEqual([
    "crm",
    "  dependency  CRM",
    "  owner       ana",
    "  runbook     wiki/crm",
    "  deadline    the whole call 10 s; no attempt with less than 10 ms left",
    "  retry       5 attempts in all; delays from 100 ms doubling to 1 s, jitter equal",
    "  budget      retries ≤ 0.1 of the calls of the last 10 s; no reserve",
    "  breaker     opens on failures: a share of 0.5 within the last 50 attempts (from 10 attempts), or slower than 2 s: " +
      "a share of 1 within the last 50 attempts (from 10 attempts); for 5 s, growing to 10 s; then 3 probes",
    "  bulkhead    8 attempts at once for each key; work abandoned after 30 s beyond its limit",
    "  timeout     each attempt 1 s",
    "  classify    own rules for errors first; an error that no rule knows is permanent",
    "  idempotent  no",
  ]);
  const data = JSON.parse(JSON.stringify(policy.explain())) as {
    parts: { kind: string; name?: string }[];
  };
  expect(data.parts.map(({ kind, name }) => name ?? kind)).toEqual([
    "fallback",
    "deadLetter",
    "deadline",
    "retry",
    "crm",
    "crm",
    "rateLimit",
    "crm",
    "timeout",
    "classify",
  ]);
});

it("says what it means that a part is missing", () => {
  expect(String(resilient(timeout("1s"), { name: "bare" }).explain())).toContain(
    "breaker     none: a failing dependency is called all the same",
  );
});

it("notes retries without a word on idempotency, and a timeout whose task never read its signal", async () => {
  const policy = resilient(retry(), timeout("1s"), { name: "noted" });
  const notes = (): readonly string[] => policy.explain().notes;
  expect(notes()).toEqual([expect.stringContaining("idempotent is not declared")]);
  await policy.execute(() => 1);
  expect(notes()).toContainEqual(expect.stringContaining("no task has read its signal"));
  await policy.execute(({ signal }) => signal.aborted);
  expect(notes()).toHaveLength(1);
});
