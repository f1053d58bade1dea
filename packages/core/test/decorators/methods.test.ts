import { describe, expect, test } from "vitest";
import { BreakwaterError, circuitBreaker, Resilient, retry } from "@breakwater/core";
import { atOnce, brittle, methodOf, onMethod, rejectionOf } from "./support.js";

const down = new Error("down");
const open = { code: "ERR_CIRCUIT_OPEN" };

describe("what can be decorated", () => {
  test("an instance method runs under its policy, with its own this", async () => {
    class Rates {
      runs = 0;
      @Resilient(atOnce())
      async latest(base: string): Promise<string> {
        if (++this.runs < 3) throw down;
        return `${base} after ${this.runs}`;
      }
    }
    expect(await new Rates().latest("EUR")).toBe("EUR after 3");
  });

  test("a static method runs under its policy, with the class as its this", async () => {
    class Rates {
      readonly base = "EUR";
      static runs = 0;
      @Resilient(atOnce())
      static async load(): Promise<typeof Rates> {
        if (++this.runs < 3) throw down;
        return this;
      }
    }
    expect(await Rates.load()).toBe(Rates);
    expect(Rates.runs).toBe(3);
  });

  test("a generic method keeps its type", async () => {
    class Store {
      @Resilient(brittle())
      async first<T>(items: readonly T[]): Promise<T | undefined> {
        return items[0];
      }
    }
    const seven: number | undefined = await new Store().first([7, 8]);
    expect(seven).toBe(7);
  });

  test("a method with a symbol for its name is protected", async () => {
    const latest = Symbol("latest");
    class Rates {
      runs = 0;
      @Resilient(atOnce())
      async [latest](): Promise<number> {
        if (++this.runs < 2) throw down;
        return this.runs;
      }
    }
    const rates = new Rates();
    expect(await rates[latest]()).toBe(2);
    expect(rates[latest].name).toBe("[latest]");
  });

  test("an inherited method is protected, and its subclasses share its state", async () => {
    class Base {
      @Resilient(brittle())
      async call(fail: boolean): Promise<string> {
        if (fail) throw down;
        return this.constructor.name;
      }
    }
    class Left extends Base {}
    class Right extends Base {}
    expect(await new Left().call(false)).toBe("Left");
    await expect(new Left().call(true)).rejects.toBe(down);
    await expect(new Right().call(false)).rejects.toMatchObject(open);
  });

  test("an overriding method has a policy of its own, and super still runs under the one it overrides", async () => {
    class Base {
      runs = 0;
      @Resilient(atOnce(2))
      async call(): Promise<number> {
        this.runs++;
        throw down;
      }
    }
    class Sub extends Base {
      tries = 0;
      @Resilient(retry({ maxAttempts: 2, baseMs: 0, nested: true }))
      override async call(): Promise<number> {
        this.tries++;
        return super.call();
      }
    }
    const sub = new Sub();
    await expect(sub.call()).rejects.toBe(down);
    expect([sub.tries, sub.runs]).toEqual([2, 4]);
  });

  test("an overriding method without a decorator is not protected", async () => {
    class Base {
      @Resilient(brittle())
      async call(): Promise<void> {}
    }
    class Sub extends Base {
      override async call(): Promise<void> {
        throw down;
      }
    }
    const sub = new Sub();
    await expect(sub.call()).rejects.toBe(down);
    await expect(sub.call()).rejects.toBe(down);
  });
});

describe("what stays as it was", () => {
  test("name and length", () => {
    class Rates {
      @Resilient()
      async latest(_base: string, _quote: string, _day = "today"): Promise<void> {}
    }
    const latest = methodOf(Rates.prototype, "latest");
    expect([latest.name, latest.length]).toEqual(["latest", 2]);
  });

  test("a method stays what methods are: not enumerable, writable, configurable", () => {
    class Rates {
      @Resilient()
      async latest(): Promise<void> {}
    }
    const descriptor = Object.getOwnPropertyDescriptor(Rates.prototype, "latest");
    expect(descriptor).toMatchObject({ enumerable: false, writable: true, configurable: true });
  });

  test("own properties that other decorators below have put on the function", () => {
    const route = Symbol("route");
    class Rates {
      @Resilient()
      @onMethod((method) => {
        Object.assign(method, { role: "admin", [route]: "/latest" });
        Object.defineProperty(method, "hidden", { value: 1, enumerable: false });
      })
      async latest(): Promise<void> {}
    }
    const latest = methodOf(Rates.prototype, "latest");
    expect([latest["role"], latest[route], latest["hidden"]]).toEqual(["admin", "/latest", 1]);
    expect(Object.keys(latest)).toEqual(["role"]);
  });

  test("the result and the error, the same objects", async () => {
    const result = { rate: 1 };
    const odd = Object.freeze({ not: "an error" });
    class Rates {
      @Resilient(circuitBreaker())
      async latest(fail: boolean): Promise<typeof result> {
        if (fail) throw odd;
        return result;
      }
    }
    const rates = new Rates();
    expect(await rates.latest(false)).toBe(result);
    expect(await rejectionOf(rates.latest(true))).toBe(odd);
  });

  test("a method that is called without its object behaves as it would undecorated, and rejects", async () => {
    class Rates {
      base = "EUR";
      @Resilient(circuitBreaker())
      async latest(): Promise<string> {
        return this.base;
      }
    }
    const latest = methodOf(Rates.prototype, "latest");
    await expect(latest.call(undefined)).rejects.toThrow(TypeError);
  });
});

describe("whose state it is", () => {
  test("methods that are given the same breaker share it", async () => {
    const breaker = brittle();
    class Ledger {
      @Resilient(breaker)
      async post(): Promise<void> {
        throw down;
      }
      @Resilient(breaker)
      async read(): Promise<string> {
        return "fine";
      }
    }
    const ledger = new Ledger();
    await expect(ledger.post()).rejects.toBe(down);
    await expect(ledger.read()).rejects.toMatchObject(open);
  });

  test("methods that share nothing don't hear of each other", async () => {
    class Ledger {
      @Resilient(brittle())
      async post(): Promise<void> {
        throw down;
      }
      @Resilient(brittle())
      async read(): Promise<string> {
        return "fine";
      }
    }
    const ledger = new Ledger();
    await expect(ledger.post()).rejects.toBe(down);
    expect(await ledger.read()).toBe("fine");
  });

  test("all instances share the state of a method", async () => {
    class Ledger {
      @Resilient(brittle())
      async post(): Promise<void> {
        throw down;
      }
    }
    await expect(new Ledger().post()).rejects.toBe(down);
    await expect(new Ledger().post()).rejects.toMatchObject(open);
  });

  test("two classes of one name share nothing", async () => {
    const make = () => {
      class Ledger {
        @Resilient(brittle())
        async post(fail: boolean): Promise<string> {
          if (fail) throw down;
          return "posted";
        }
      }
      return new Ledger();
    };
    const [one, other] = [make(), make()];
    await expect(one.post(true)).rejects.toBe(down);
    await expect(one.post(false)).rejects.toBeInstanceOf(BreakwaterError);
    expect(await other.post(false)).toBe("posted");
  });

  test("methods that are given nothing have a recommended set each", async () => {
    class Ledger {
      @Resilient({ retry: null })
      async post(): Promise<void> {
        throw down;
      }
      @Resilient({ retry: null })
      async read(): Promise<string> {
        return "fine";
      }
    }
    const ledger = new Ledger();
    for (let failures = 0; failures < 5; failures++) await expect(ledger.post()).rejects.toBe(down);
    await expect(ledger.post()).rejects.toMatchObject(open);
    expect(await ledger.read()).toBe("fine");
  });
});
