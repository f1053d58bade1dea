// What must compile, in both dialects.
import {
  bulkhead,
  type Call,
  circuitBreaker,
  classify,
  currentCall,
  deadline,
  definePolicy,
  describeResilience,
  protect,
  Resilient,
  resilient,
  retry,
  retryBudget,
  timeout,
  withCall,
} from "@breakwater/core";

interface Quote {
  readonly base: string;
}

const breaker = circuitBreaker({
  consecutiveFailures: 5,
  openMs: "15s",
  window: { count: 20 },
  failureRatio: 0.5,
});
const budget = retryBudget({ ratio: 0.2, windowMs: "1.5m" });
const policy = resilient(breaker, budget, { name: "rates" });
const symbolName: unique symbol = Symbol("latest");

@Resilient(
  breaker,
  budget,
  retry({ baseMs: 100 }),
  timeout("2s"),
  deadline(5_000),
  bulkhead({ limit: 3 }),
)
export class Rates {
  @Resilient()
  async bare(): Promise<void> {}

  @Resilient("ledger")
  async named(id: number): Promise<Quote> {
    return { base: String(id) };
  }

  @Resilient(policy)
  async given(): Promise<void> {}

  @Resilient(classify((error) => (error instanceof RangeError ? "permanent" : undefined)))
  async classified(): Promise<void> {}

  @Resilient({ timeout: null, breaker: null, idempotent: false })
  notAsyncButPromised(): Promise<number> {
    return Promise.resolve(1);
  }

  @Resilient(breaker, { name: "generic" })
  async generic<T extends object>(items: readonly T[]): Promise<T | undefined> {
    return items[0];
  }

  @Resilient(breaker)
  static async load(): Promise<Rates> {
    return new this();
  }

  @Resilient(breaker)
  protected async inside(): Promise<void> {}

  @Resilient(breaker)
  private async hidden(): Promise<void> {}

  @Resilient(breaker)
  async withThis(this: Rates, more = 1): Promise<number> {
    await this.hidden();
    return more;
  }

  @Resilient(breaker)
  async rest(first: string, ...others: readonly number[]): Promise<number> {
    return first.length + others.length;
  }

  @Resilient(breaker)
  async [symbolName](): Promise<void> {}

  @Resilient(breaker)
  async neverReturns(): Promise<never> {
    throw new Error("never");
  }

  // Nobody knows what an unknown is, but it is awaited before it is anything.
  @Resilient(breaker)
  async unknowing(): Promise<unknown> {
    return 1;
  }

  overloaded(id: number): Promise<number>;
  overloaded(id: string): Promise<string>;
  @Resilient(breaker)
  async overloaded(id: number | string): Promise<number | string> {
    return id;
  }

  // Options that depend on the object and the arguments are typed by their annotations.
  @Resilient(breaker, { key: (self: Rates, region: string) => `${String(self)}/${region}` })
  async keyed(region: string): Promise<string> {
    return region;
  }

  @Resilient(budget, { idempotent: (kind: "read" | "write") => kind === "read" })
  async either(kind: "read" | "write"): Promise<string> {
    return kind;
  }
}

@Resilient()
export abstract class Abstract {
  readonly base: string;
  constructor(base: string) {
    this.base = base;
  }
  @Resilient()
  async concrete(): Promise<void> {}
  abstract later(): Promise<void>;
}

/** Says that two types are the same. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(..._: Same<A, B> extends true ? [] : [never]): void => undefined;

declare const rates: Rates;

// Decorated methods keep their types.
same<Rates["named"], (id: number) => Promise<Quote>>();
same<Rates["generic"], <T extends object>(items: readonly T[]) => Promise<T | undefined>>();
export const generic: Promise<Date | undefined> = rates.generic([new Date()]);
export const text: Promise<string> = rates.overloaded("7");

// So do wrapped functions, with overloads, generics and `this`.
declare function overloaded(id: number): Promise<number>;
declare function overloaded(id: string): Promise<string>;
const wrappedOverloads = policy.wrap(overloaded);
same<typeof wrappedOverloads, typeof overloaded>();
const wrappedGeneric = policy.wrap(async <T>(value: T): Promise<T> => value);
same<typeof wrappedGeneric, <T>(value: T) => Promise<T>>();
declare function ofRates(this: Rates, id: number): Promise<Quote>;
same<ReturnType<typeof policy.wrap<typeof ofRates>>, typeof ofRates>();

// What `execute` gives is awaited, however deep.
const one = policy.execute(() => 1);
const two = policy.execute(async () => new Date());
const three = policy.execute(() => Promise.resolve(Promise.resolve("nested")));
const four = policy.execute(({ signal, attempt }) => (attempt > 1 ? signal : undefined));
same<typeof one, Promise<number>>();
same<typeof two, Promise<Date>>();
same<typeof three, Promise<string>>();
same<typeof four, Promise<AbortSignal | undefined>>();
export const withOptions: Promise<number> = policy.execute(() => 1, {
  signal: new AbortController().signal,
  key: "EUR",
  deadlineMs: 500,
  idempotent: true,
});

// A block gives what its function gives.
const block = withCall({ key: "EUR" }, () => rates.named(7));
same<typeof block, Promise<Quote>>();
same<ReturnType<typeof currentCall>, Call>();

// Events are told apart by their types.
policy.on("circuit.opened", ({ type, reason, openMs, cause, guard }) => {
  same<typeof type, "circuit.opened">();
  same<typeof openMs, number>();
  same<typeof guard, string>();
  return [reason === "failureRatio", cause?.message];
});
policy.on("retry.scheduled", ({ delayMs, verdict, attempt }) => [
  delayMs + attempt,
  verdict === "throttled",
]);
const off = policy.on("*", (event) => {
  if (event.type === "call.refused") return event.count + event.retryAfterMs;
  if (event.type === "circuit.closed") return event.openedForMs;
  return `${event.policy} ${event.severity} ${event.at}`;
});
same<typeof off, () => void>();

// Types cannot count: two parts of a kind, or two objects of options, are found when the class is made.
export const tooMany = (): unknown => [
  Resilient(breaker, breaker),
  Resilient({ name: "a" }, { owner: "b" }),
];

definePolicy("types.ledger", breaker, { owner: "payments" });
protect(Rates, {
  named: [breaker, budget],
  given: "ledger",
  load: policy,
  [symbolName]: [breaker],
});
protect(class Sub extends Rates {}, { named: [breaker] });
export const described: readonly string[] = describeResilience(Abstract).map(
  ({ method }) => method,
);
