import { describe, expect, test } from "vitest";
import { circuitBreaker, Resilient } from "@breakwater/core";
import { atOnce, brittle, errorOf, rejectionOf, untyped } from "./support.js";

const notAMethod = expect.objectContaining({ code: "ERR_NOT_A_METHOD" });
const invalid = expect.objectContaining({ code: "ERR_INVALID_SPEC" });

describe("a synchronous method", () => {
  class Rates {
    runs = 0;
    @untyped(Resilient(brittle(), atOnce()))
    latest(): number {
      return ++this.runs;
    }
    @untyped(Resilient(brittle()))
    nothing(): void {}
    @untyped(Resilient(brittle()))
    static none(): null {
      return null;
    }
  }

  test("rejects at its first call, instead of throwing, and names the method", async () => {
    const rates = new Rates();
    const returned = rates.latest() as unknown;
    expect(returned).toBeInstanceOf(Promise);
    const error = await rejectionOf(returned as Promise<unknown>);
    expect(error).toEqual(notAMethod);
    expect(String(error)).toMatch(/latest.*number.*async/s);
  });

  test("is run once, as no retry would make it asynchronous, and opens no circuit", async () => {
    const rates = new Rates();
    await rejectionOf(rates.latest() as unknown as Promise<unknown>);
    expect(await rejectionOf(rates.latest() as unknown as Promise<unknown>)).toEqual(notAMethod);
    expect(rates.runs).toBe(2);
  });

  test("is told apart from one that returns undefined or null only by the message", async () => {
    expect(String(await rejectionOf(new Rates().nothing() as unknown as Promise<unknown>))).toMatch(
      /nothing.*undefined/s,
    );
    expect(String(await rejectionOf(Rates.none() as unknown as Promise<unknown>))).toMatch(
      /none.*null/s,
    );
  });

  test("that throws rejects with what it threw", async () => {
    const down = new Error("down");
    class Ledger {
      @untyped(Resilient(circuitBreaker()))
      post(): number {
        throw down;
      }
    }
    expect(await rejectionOf(new Ledger().post() as unknown as Promise<unknown>)).toBe(down);
  });
});

describe("what is no method is refused when the class is made", () => {
  test("a getter", () => {
    const error = errorOf(() => {
      class Rates {
        @untyped(Resilient())
        get latest(): Promise<number> {
          return Promise.resolve(1);
        }
      }
      return Rates;
    });
    expect(error).toEqual(notAMethod);
    expect(error.message).toContain("latest");
  });

  test("a setter", () => {
    const error = errorOf(() => {
      class Rates {
        @untyped(Resilient())
        set latest(_: number) {}
      }
      return Rates;
    });
    expect(error).toEqual(notAMethod);
  });

  test("a field, also one that holds a function", () => {
    const error = errorOf(() => {
      class Rates {
        @untyped(Resilient())
        latest = async (): Promise<number> => 1;
      }
      return Rates;
    });
    expect(error).toEqual(notAMethod);
    expect(error.message).toContain("latest");
  });

  test("a static field", () => {
    const error = errorOf(() => {
      class Rates {
        readonly base = "EUR";
        @untyped(Resilient())
        static latest = async (): Promise<number> => 1;
      }
      return Rates;
    });
    expect(error).toEqual(notAMethod);
  });

  test("a generator, synchronous or not", () => {
    const declared = [
      () => {
        class Rates {
          @untyped(Resilient())
          *each(): Iterable<number> {
            yield 1;
          }
        }
        return Rates;
      },
      () => {
        class Rates {
          @untyped(Resilient())
          async *each(): AsyncIterable<number> {
            yield 1;
          }
        }
        return Rates;
      },
    ];
    for (const declare of declared) {
      expect(errorOf(declare)).toEqual(notAMethod);
      expect(errorOf(declare).message).toMatch(/each.*generator/s);
    }
  });
});

describe("forgotten parentheses are said when the class is made", () => {
  test("on a method", () => {
    const error = errorOf(() => {
      class Rates {
        @untyped(Resilient)
        async latest(): Promise<number> {
          return 1;
        }
      }
      return Rates;
    });
    expect(error.message).toMatch(/parentheses.*@Resilient\(\)/s);
  });

  test("on a static method", () => {
    const error = errorOf(() => {
      class Rates {
        readonly base = "EUR";
        @untyped(Resilient)
        static async latest(): Promise<number> {
          return 1;
        }
      }
      return Rates;
    });
    expect(error.message).toMatch(/parentheses.*@Resilient\(\)/s);
  });

  test("on a class", () => {
    const error = errorOf(() => {
      @untyped(Resilient)
      class Rates {
        readonly base = "EUR";
      }
      return Rates;
    });
    expect(error.message).toMatch(/parentheses.*@Resilient\(\)/s);
  });
});

describe("what no policy can be made of is refused when the class is made", () => {
  const given: readonly (readonly [string, readonly unknown[], RegExp])[] = [
    ["a part that was not called", [circuitBreaker], /policy\[0\].*circuitBreaker/s],
    ["two breakers", [brittle(), brittle()], /one breaker/],
    ["two objects of options", [{ name: "a" }, { owner: "b" }], /one object of options/],
    ["an option that there is none of", [{ retries: 3 }], /policy\.retries.*maxAttempts/s],
    ["the name of a policy beside parts", ["ledger", brittle()], /stands alone/],
    ["null", [null], /policy\[0\]/],
  ];

  test.each(given)("%s", (_, parts, says) => {
    const error = errorOf(() => {
      const make = Resilient as unknown as (...parts: readonly unknown[]) => unknown;
      class Rates {
        @untyped(make(...parts))
        async latest(): Promise<number> {
          return 1;
        }
      }
      return Rates;
    });
    expect(error).toEqual(invalid);
    expect(error.message).toMatch(says);
  });
});
