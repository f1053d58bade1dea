import { describe, expect, test } from "vitest";
import { circuitBreaker, currentCall, definePolicy, Resilient, resilient } from "@breakwater/core";
import { brittle, onMethod, rejectionOf } from "./support.js";

const breaker = () => circuitBreaker();

describe("a policy is named after its class and its method", () => {
  test("of an instance method, a static one, and one with a symbol", async () => {
    const latest = Symbol("latest");
    class Rates {
      @Resilient(breaker())
      async order(): Promise<string> {
        return currentCall().policy;
      }
      @Resilient(breaker())
      static async load(): Promise<string> {
        return currentCall().policy;
      }
      @Resilient(breaker())
      async [latest](): Promise<string> {
        return currentCall().policy;
      }
    }
    const rates = new Rates();
    expect(await Promise.all([rates.order(), Rates.load(), rates[latest]()])).toEqual([
      "Rates.order",
      "Rates.load",
      "Rates.[latest]",
    ]);
  });

  test("under a class decorator, too", async () => {
    @Resilient(breaker())
    class Rates {
      @Resilient()
      async order(): Promise<string> {
        return currentCall().policy;
      }
      @Resilient()
      static async load(): Promise<string> {
        return currentCall().policy;
      }
    }
    expect(await new Rates().order()).toBe("Rates.order");
    expect(await Rates.load()).toBe("Rates.load");
  });

  test("the class that declares it, also when an instance of a subclass is the first to call it", async () => {
    class Base {
      @Resilient(breaker())
      async order(): Promise<string> {
        return currentCall().policy;
      }
      @Resilient(breaker())
      static async load(): Promise<string> {
        return currentCall().policy;
      }
    }
    class Sub extends Base {}
    expect(await new Sub().order()).toBe("Base.order");
    expect(await Sub.load()).toBe("Base.load");
  });

  test("the class that declares it, also when super is the first to call it", async () => {
    class Base {
      @Resilient(breaker())
      async order(): Promise<string> {
        return currentCall().policy;
      }
    }
    class Sub extends Base {
      @Resilient(breaker())
      override async order(): Promise<string> {
        const { policy } = currentCall();
        return `${policy} over ${await super.order()}`;
      }
    }
    expect(await new Sub().order()).toBe("Sub.order over Base.order");
  });

  test("also where a decorator above puts a function of its own around it", async () => {
    class Rates {
      @onMethod((method) => {
        return function traced(this: unknown, ...args: readonly unknown[]): unknown {
          return method.apply(this, [...args]);
        };
      })
      @Resilient(breaker())
      async order(): Promise<string> {
        return currentCall().policy;
      }
    }
    expect(await new Rates().order()).toBe("Rates.order");
  });
});

test("a name that is given wins", async () => {
  class Rates {
    @Resilient(breaker(), { name: "rates" })
    async latest(): Promise<string> {
      return currentCall().policy;
    }
  }
  expect(await new Rates().latest()).toBe("rates");
});

test("a refusal says whose it is", async () => {
  class Rates {
    @Resilient(brittle())
    async latest(): Promise<string> {
      throw new Error("down");
    }
  }
  const rates = new Rates();
  await rejectionOf(rates.latest());
  await expect(rates.latest()).rejects.toMatchObject({
    policy: "Rates.latest",
    guard: "Rates.latest",
  });
});

describe("a policy by its name", () => {
  test("is bound at the first call", async () => {
    class Ledger {
      @Resilient("names.bound-late")
      async post(): Promise<string> {
        return currentCall().policy;
      }
    }
    definePolicy("names.bound-late", breaker());
    expect(await new Ledger().post()).toBe("names.bound-late");
  });

  test("that nobody has defined rejects and says what there is; once it is defined, it works", async () => {
    definePolicy("names.known", breaker());
    class Ledger {
      runs = 0;
      @Resilient("names.unknown")
      async post(): Promise<number> {
        return ++this.runs;
      }
    }
    const ledger = new Ledger();
    const error = await rejectionOf(ledger.post());
    expect(error).toMatchObject({ code: "ERR_UNKNOWN_POLICY", policy: "names.unknown" });
    expect(String(error)).toMatch(/"names\.unknown".*names\.known/);
    expect(ledger.runs).toBe(0);
    definePolicy("names.unknown", breaker());
    expect(await ledger.post()).toBe(1);
  });

  test("shares the policy's state with everybody who names it", async () => {
    definePolicy("names.shared", brittle());
    class Ledger {
      @Resilient("names.shared")
      async post(): Promise<void> {
        throw new Error("down");
      }
      @Resilient("names.shared")
      static async read(): Promise<string> {
        return "fine";
      }
    }
    await expect(new Ledger().post()).rejects.toThrow("down");
    await expect(Ledger.read()).rejects.toMatchObject({
      code: "ERR_CIRCUIT_OPEN",
      policy: "names.shared",
    });
    await expect(resilient("names.shared").execute(() => 1)).rejects.toMatchObject({
      code: "ERR_CIRCUIT_OPEN",
    });
  });
});

test("a policy that was made before can be given itself", async () => {
  const policy = resilient(brittle(), { name: "crm" });
  class Crm {
    @Resilient(policy)
    async contacts(): Promise<string> {
      return currentCall().policy;
    }
  }
  expect(await new Crm().contacts()).toBe("crm");
  await expect(policy.execute(() => Promise.reject(new Error("down")))).rejects.toThrow("down");
  await expect(new Crm().contacts()).rejects.toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
});
