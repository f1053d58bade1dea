import {
  checkup,
  type CheckupAnswer,
  circuitBreaker,
  deadline,
  type Policy,
  registry,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { expect, it } from "vitest";
import { reset, rejectionOf } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

const answersOf = (policy: Policy): Record<string, Omit<CheckupAnswer, "question">> => {
  const { policies } = checkup({ policies: () => [policy] });
  return Object.fromEntries(
    (policies[0]?.answers ?? []).map(({ question, ...rest }) => [question, rest]),
  );
};

it("says yes to a policy that has all there is to have", async () => {
  const policy = resilient(circuitBreaker(), retryBudget(), timeout("2s"), deadline("5s"), {
    name: "complete",
    idempotent: true,
    owner: "payments",
    runbook: "wiki/complete",
  });
  let failures = 1;
  const call = policy.execute(() => (failures-- > 0 ? Promise.reject(reset()) : "ok"));
  await clock.advance(1_000);
  await call;
  for (let n = 0; n < 9; n++) await policy.execute(() => "ok");
  const answers = answersOf(policy);
  expect(Object.values(answers).map(({ answer }) => answer)).toEqual(Array(10).fill("yes"));
  expect(answers["budget"]?.reason).toBe(
    "at most 0.2 of the calls; retries were 0.100 of 10 calls in the last 1 s",
  );
});

it("says no to what is missing, with the line to add", () => {
  const answers = answersOf(
    resilient(retry({ jitter: "none" }), { name: "bare", mode: "off", budget: null }),
  );
  const missing = Object.entries(answers).map(([question, { answer, add }]) => [
    question,
    answer,
    add,
  ]);
  expect(missing).toEqual([
    ["breaker", "no", "circuitBreaker()"],
    ["backoff", "no", "retry({ jitter: 'full' })"],
    ["budget", "no", "retryBudget({ ratio: 0.2 })"],
    ["classification", "unknown", undefined],
    ["timeout", "no", "timeout('2s')"],
    ["deadline", "no", "deadline('5s')"],
    ["idempotency", "no", "{ idempotent: true }, or false for writes"],
    ["owner", "no", "{ owner: 'team' }"],
    ["runbook", "no", "{ runbook: 'https://…' }"],
    ["mode", "no", "{ mode: 'enforce' }, and no BREAKWATER_MODE"],
  ]);
});

it("tells the share of errors that no rule knows", async () => {
  const policy = resilient(circuitBreaker({ consecutiveFailures: 100 }), {
    name: "unknown errors",
  });
  await rejectionOf(policy.execute(() => Promise.reject(new Error("what is this?"))));
  for (let n = 0; n < 3; n++) await rejectionOf(policy.execute(() => Promise.reject(reset())));
  expect(answersOf(policy)["classification"]).toEqual({
    answer: "no",
    reason: "0.250 of 4 failed attempts were of a kind that no rule knows",
    add: "classify((error) => …)",
  });
});

it("looks back an hour at most, and says how far it can", async () => {
  const policy = resilient(retryBudget(), { name: "hourly" });
  await policy.execute(() => 1);
  await clock.advance(1_800_000);
  expect(answersOf(policy)["budget"]?.reason).toContain("of 1 call in the last 30 min");
  await policy.execute(() => 1);
  await policy.execute(() => 1);
  await clock.advance(3_000_000);
  expect(answersOf(policy)["budget"]?.reason).toContain("of 2 calls in the last 50 min");
  await clock.advance(7_200_000);
  expect(answersOf(policy)["budget"]?.reason).toContain("no call in the last 2 h");
});

it("asks every policy of the registry, and prints as a text and as data", () => {
  const kept = resilient(timeout("1s"), { name: "printed" });
  const result = checkup(registry);
  expect(String(result)).toContain(
    "printed\n  breaker         no       a failing dependency is called all the same. Add circuitBreaker()\n",
  );
  expect(JSON.parse(JSON.stringify(result))).toEqual({ policies: result.policies });
  expect(result.policies.map(({ policy }) => policy)).toContain(kept.name);
});
