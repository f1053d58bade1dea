/**
 * A policy on its way into production, and in an incident: in shadow, for a fifth of the tenants, for all; then an
 * operator tunes, blocks and bypasses it while traffic flows. Each step says what it changed.
 *
 *   node examples/rollout/rollout.ts
 */
import {
  circuitBreaker,
  isRefusal,
  type Policy,
  type PolicyOptions,
  registry,
  resilient,
  retry,
  retryBudget,
} from "@breakwater/core";
import { startService } from "./service.ts";

const TENANTS = Array.from({ length: 50 }, (_, n) => `tenant-${n}`);
const ROUNDS = 12;
const operator = { by: "ana", why: "INC-4711" };

const service = await startService();

function deploy(name: string, options: PolicyOptions): Policy {
  const breaker = circuitBreaker({ consecutiveFailures: 3, openMs: "1m" });
  const retries = retry({ maxAttempts: 2, baseMs: 1, maxMs: 2 });
  return resilient(breaker, retryBudget({ ratio: 0.2 }), retries, { ...options, name });
}

async function ask(tenant: string): Promise<void> {
  const response = await fetch(`${service.url}/${tenant}`);
  await response.arrayBuffer();
  if (!response.ok)
    throw Object.assign(new Error("the service is down"), { status: response.status });
}

/** Every tenant asks once a round; for the middle third of the rounds the service is down, if there is an outage. */
async function traffic(policy: Policy, outage: boolean): Promise<string> {
  const before = service.requests;
  const count = { answered: 0, failed: 0, refused: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    service.isDown = outage && round >= ROUNDS / 3 && round < (2 * ROUNDS) / 3;
    await Promise.all(TENANTS.map((key) => one(policy, key, count)));
  }
  const { answered, failed, refused } = count;
  return `${answered} answered, ${failed} failed, ${refused} refused; ${service.requests - before} requests`;
}

async function one(
  policy: Policy,
  key: string,
  count: { answered: number; failed: number; refused: number },
): Promise<void> {
  try {
    await policy.execute(() => ask(key), { key });
    count.answered++;
  } catch (error) {
    if (isRefusal(error)) count.refused++;
    else count.failed++;
  }
}

function say(step: string, told: string): void {
  console.log(`${step.padEnd(12)} ${told}`);
}

const watched = deploy("crm-shadow", { mode: "shadow" });
say("shadow", await traffic(watched, true));
const { would } = registry.health().policies.find(({ policy }) => policy === watched.name) ?? {};
say("", `would have refused ${would?.refusals.right} rightly and ${would?.refusals.wrong} wrongly`);

const tried = deploy("crm-canary", { canary: { ratio: 0.2, by: "key" } });
say("canary 20 %", await traffic(tried, true));
const { canary, control } = tried.compare();
say(
  "",
  `protected: ${canary?.calls} calls, ${canary?.n} ran; the others: ${control?.calls}, ${control?.n} ran`,
);

const crm = deploy("crm", {});
say("all", await traffic(crm, true));

const tuned = registry.override({
  ...operator,
  verb: "tune",
  policy: "crm",
  patch: { breaker: { consecutiveFailures: 3, openMs: 1 } },
  until: "10m",
});
registry.override({ ...operator, verb: "reset", policy: "crm" });
say("tuned", await traffic(crm, true));
tuned.clear("ana", "did not help");

const blocked = registry.override({ ...operator, verb: "block", policy: "crm", until: "10m" });
say("blocked", await traffic(crm, false));
blocked.clear("ana", "the service is well");

registry.override({ ...operator, verb: "bypass", policy: "crm", until: "10m" });
say("bypassed", await traffic(crm, true));
console.log(registry.overrides().join("\n"));
await service.close();
