// A user's program that checks itself. It must compile in both dialects of decorators and behave alike.
import assert from "node:assert/strict";
import {
  BreakwaterError,
  circuitBreaker,
  currentCall,
  definePolicy,
  describeResilience,
  protect,
  Resilient,
  retry,
  retryBudget,
  withCall,
} from "@breakwater/core";
import { eventLog, installVirtualClock } from "@breakwater/core/testing";

class Quote {
  readonly base: string;
  readonly attempt: number;
  constructor(base: string, attempt: number) {
    this.base = base;
    this.attempt = attempt;
  }
}

const breaker = circuitBreaker({ consecutiveFailures: 4, openMs: "15s" });
const budget = retryBudget({ ratio: 0.2 });

let dialect = "none";
/** Tells how it was called: standard decorators get a context. */
function probe(...args: readonly unknown[]): void {
  const [, context] = args;
  dialect = typeof context === "object" ? "standard" : "legacy";
}

@Resilient(breaker, budget, retry({ maxAttempts: 3, baseMs: 0 }))
class Rates {
  failures = 2;

  @Resilient()
  async latest(base: string): Promise<Quote> {
    const { attempt, signal } = currentCall();
    assert.equal(signal.aborted, false);
    if (this.failures-- > 0) throw new Error("reset");
    return new Quote(base, attempt);
  }

  @Resilient({ retry: null, budget: null })
  async fail(): Promise<void> {
    throw new Error("down");
  }

  @Resilient(circuitBreaker())
  async first<T>(items: readonly T[]): Promise<T | undefined> {
    return items[0];
  }

  @probe
  @Resilient()
  static async load(): Promise<Rates> {
    assert.equal(currentCall().policy, "Rates.load");
    return new this();
  }

  @Resilient("ledger")
  async post(): Promise<string> {
    return currentCall().policy;
  }

  async plain(): Promise<string> {
    return currentCall().key ?? "no key";
  }
}

class MoreRates extends Rates {
  override async latest(base: string): Promise<Quote> {
    return super.latest(`${base}!`);
  }
}

const clock = installVirtualClock({ seed: 1 });

const rates = await Rates.load();
assert.deepEqual(await rates.latest("EUR"), new Quote("EUR", 3));
assert.deepEqual([rates.latest.name, rates.latest.length], ["latest", 1]);
assert.deepEqual(await new MoreRates().latest("USD"), new Quote("USD!", 3));

const first: number | undefined = await rates.first([7, 8]);
assert.equal(first, 7);

await assert.rejects(rates.post(), { code: "ERR_UNKNOWN_POLICY" });
const opened = eventLog(definePolicy("ledger", breaker), "circuit.opened");
assert.equal(await rates.post(), "ledger");

for (let failures = 0; failures < 4; failures++) await assert.rejects(rates.fail(), /down/);
const refusal = await rates.fail().catch((error: unknown) => error);
assert.ok(refusal instanceof BreakwaterError && refusal.code === "ERR_CIRCUIT_OPEN");
assert.equal(opened.length, 1);
await clock.advance(60_000);
assert.equal(await rates.post(), "ledger");

protect(Rates, { plain: [circuitBreaker()] });
assert.equal(await withCall({ key: "EUR" }, () => rates.plain()), "EUR");

const described = describeResilience(MoreRates).map(
  (one) => `${one.static ? "static " : ""}${one.method}`,
);
assert.ok(
  ["first", "fail", "plain", "static load"].every((name) => described.includes(name)),
  described.join(),
);

clock.restore();

const reflect = Reflect as unknown as {
  getMetadata?: (key: string, target: object, name: string) => unknown;
};
const returned = reflect.getMetadata?.("design:returntype", Rates.prototype, "latest");
console.log(
  JSON.stringify({
    dialect,
    designTypes: returned === Promise,
    metadata: Object.hasOwn(Rates, Symbol.metadata),
  }),
);
