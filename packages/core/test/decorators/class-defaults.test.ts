import { describe, expect, test } from "vitest";
import {
  circuitBreaker,
  deadline,
  definePolicy,
  describeResilience,
  type Explanation,
  Resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { atOnce, brittle, errorOf, rejectionOf } from "./support.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

const down = new Error("down");
const open = { code: "ERR_CIRCUIT_OPEN" };
type Class = abstract new () => object;

useVirtualClock();

function explanationOf(target: Class, method: string): Explanation {
  const found = describeResilience(target).find((described) => described.method === method);
  if (found === undefined) throw new Error(`${method} is not described`);
  return found.explanation;
}

/** What is there, by kind: `breaker` → its name, else its text. */
function partsOf(target: Class, method: string): Readonly<Record<string, string>> {
  const present = explanationOf(target, method).parts.filter((part) => part.present);
  return Object.fromEntries(present.map(({ kind, name, text }) => [kind, name ?? text]));
}

test("the class's parts hold for methods with @Resilient(), and only for them", async () => {
  const breaker = brittle();
  @Resilient(breaker)
  class Ledger {
    @Resilient()
    async post(): Promise<void> {
      throw down;
    }
    @Resilient()
    static async read(): Promise<string> {
      return "fine";
    }
    async ping(): Promise<string> {
      return "pong";
    }
  }
  await expect(new Ledger().post()).rejects.toBe(down);
  await expect(Ledger.read()).rejects.toMatchObject(open);
  expect(await new Ledger().ping()).toBe("pong");
});

describe("method over class", () => {
  test("kind by kind: what the method says replaces that kind and leaves the others", () => {
    const breaker = circuitBreaker({ name: "of the class" });
    @Resilient(breaker, retry({ maxAttempts: 5 }), retryBudget({ name: "shared" }), timeout("2s"))
    class Rates {
      @Resilient(retry({ maxAttempts: 2 }), circuitBreaker({ name: "of the method" }))
      async latest(): Promise<void> {}
      @Resilient()
      async history(): Promise<void> {}
    }
    expect(partsOf(Rates, "latest")).toMatchObject({
      breaker: "of the method",
      budget: "shared",
      retry: expect.stringMatching(/^2 attempts/),
      timeout: expect.stringContaining("2 s"),
    });
    expect(partsOf(Rates, "history")).toMatchObject({
      breaker: "of the class",
      retry: expect.stringMatching(/^5 attempts/),
    });
  });

  test("option by option", () => {
    @Resilient(circuitBreaker(), { idempotent: false, owner: "payments", dependency: "ledger" })
    class Ledger {
      @Resilient({ idempotent: true, owner: "reports" })
      async read(): Promise<void> {}
      @Resilient()
      async post(): Promise<void> {}
    }
    expect(explanationOf(Ledger, "read")).toMatchObject({
      idempotent: "yes",
      owner: "reports",
      dependency: "ledger",
    });
    expect(explanationOf(Ledger, "post")).toMatchObject({
      idempotent: "no",
      owner: "payments",
      dependency: "ledger",
    });
  });

  test("null takes a kind away", async () => {
    const breaker = brittle();
    @Resilient(breaker, atOnce(), retryBudget(), timeout("2s"))
    class Rates {
      runs = 0;
      @Resilient({ breaker: null, timeout: null })
      async latest(): Promise<void> {
        this.runs++;
        throw down;
      }
    }
    const rates = new Rates();
    await expect(rates.latest()).rejects.toBe(down);
    expect([rates.runs, breaker.state()]).toEqual([3, "closed"]);
    expect(Object.keys(partsOf(Rates, "latest"))).toEqual(["retry", "budget"]);
  });

  test("null takes only that kind away, also when it was the only one", () => {
    @Resilient(circuitBreaker())
    class Rates {
      @Resilient({ breaker: null })
      async latest(): Promise<void> {}
    }
    expect(partsOf(Rates, "latest")).toEqual({});
  });

  test("a part of the method's own holds, whatever the class has taken away", () => {
    @Resilient(retry(), { breaker: null })
    class Rates {
      @Resilient(circuitBreaker({ name: "own" }))
      async latest(): Promise<void> {}
    }
    expect(partsOf(Rates, "latest")).toMatchObject({ breaker: "own" });
  });

  test("a method that names a policy is left as that policy is", async () => {
    definePolicy("class-defaults.named", atOnce(2));
    @Resilient(brittle(), { owner: "payments" })
    class Ledger {
      runs = 0;
      @Resilient("class-defaults.named")
      async post(): Promise<void> {
        this.runs++;
        throw down;
      }
    }
    const ledger = new Ledger();
    await expect(ledger.post()).rejects.toBe(down);
    await expect(ledger.post()).rejects.toBe(down);
    expect(ledger.runs).toBe(4);
  });
});

describe("what cannot work together is said when the class is made", () => {
  test("a timeout of the class that is not shorter than a deadline of the method", () => {
    const error = errorOf(() => {
      @Resilient(timeout("5s"))
      class Rates {
        @Resilient(deadline("2s"))
        async latest(): Promise<void> {}
      }
      return Rates;
    });
    expect(error.code).toBe("ERR_INVALID_SPEC");
    expect(error.message).toMatch(/attemptTimeoutMs.*deadlineMs/s);
  });

  test("but not what the method has taken away", () => {
    @Resilient(timeout("5s"))
    class Rates {
      @Resilient(deadline("2s"), { timeout: null })
      async latest(): Promise<void> {}
    }
    expect(Object.keys(partsOf(Rates, "latest"))).toEqual(["deadline"]);
  });

  test("two breakers, and options that there are none of, on the class itself", () => {
    const error = errorOf(() => {
      const wrong = { attempts: 3 } as object;
      @Resilient(circuitBreaker(), circuitBreaker(), wrong)
      class Rates {
        @Resilient()
        async latest(): Promise<void> {}
      }
      return Rates;
    });
    expect(error.message).toMatch(/2 problems.*one breaker.*policy\.attempts/s);
  });

  test("the name of a policy: a class gives parts and options, and each method may name one", () => {
    const error = errorOf(() => {
      @Resilient("class-defaults.ledger")
      class Ledger {
        @Resilient()
        async post(): Promise<void> {}
      }
      return Ledger;
    });
    expect(error.code).toBe("ERR_INVALID_SPEC");
  });
});

describe("the recommended set", () => {
  test("a method without anything gets breaker, budget and retries", () => {
    class Rates {
      @Resilient()
      async latest(): Promise<void> {}
    }
    expect(Object.keys(partsOf(Rates, "latest"))).toEqual(["retry", "budget", "breaker"]);
  });

  test("the methods of a class without parts share one", async () => {
    @Resilient()
    class Rates {
      @Resilient()
      async latest(): Promise<void> {
        throw down;
      }
      @Resilient()
      async history(): Promise<string> {
        return "fine";
      }
    }
    const rates = new Rates();
    await clock.run(rejectionOf(rates.latest())); // three failures
    expect(await rates.history()).toBe("fine"); // a success in between: the row begins anew
    await clock.run(rejectionOf(rates.latest()));
    await clock.run(rejectionOf(rates.latest()));
    await expect(rates.history()).rejects.toMatchObject(open);
  });

  test("a class without parts that has options completes the method's parts", () => {
    @Resilient({ owner: "payments" })
    class Rates {
      @Resilient(circuitBreaker({ name: "own" }))
      async latest(): Promise<void> {}
    }
    expect(partsOf(Rates, "latest")).toMatchObject({
      breaker: "own",
      retry: expect.stringMatching(/^3 attempts/),
    });
    expect(explanationOf(Rates, "latest").owner).toBe("payments");
  });
});

test("defaults of a subclass are for its own methods, not for those it inherits", async () => {
  class Base {
    @Resilient(circuitBreaker())
    async inherited(): Promise<void> {
      throw down;
    }
  }
  const breaker = brittle();
  @Resilient(breaker)
  class Sub extends Base {
    @Resilient()
    async own(): Promise<string> {
      return "fine";
    }
  }
  const sub = new Sub();
  await expect(sub.inherited()).rejects.toBe(down);
  expect(breaker.state()).toBe("closed");
  expect(await sub.own()).toBe("fine");
});
