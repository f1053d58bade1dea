// Tests of what only legacy decorators have: parameters, and types that the compiler leaves. See dialect.test.ts.
import "reflect-metadata";
import { expect, test } from "vitest";
import { Resilient } from "@breakwater/core";
import { errorOf, methodOf, untyped } from "../support.js";

test("a parameter of a method is refused when the class is made", () => {
  const error = errorOf(() => {
    class Rates {
      async latest(@untyped(Resilient()) base: string): Promise<string> {
        return base;
      }
    }
    return Rates;
  });
  expect(error.code).toBe("ERR_NOT_A_METHOD");
  expect(error.message).toMatch(/latest.*parameter/s);
});

test("a parameter of the constructor is refused when the class is made", () => {
  const error = errorOf(() => {
    class Rates {
      readonly base: string;
      constructor(@untyped(Resilient()) base: string) {
        this.base = base;
      }
    }
    return Rates;
  });
  expect(error.code).toBe("ERR_NOT_A_METHOD");
  expect(error.message).toContain("parameter");
});

test("a method that is declared to return a string is refused when the class is made", () => {
  const error = errorOf(() => {
    class Rates {
      @untyped(Resilient())
      latest(): string {
        return "1.08";
      }
    }
    return Rates;
  });
  expect(error.code).toBe("ERR_NOT_A_METHOD");
  expect(error.message).toMatch(/latest.*String.*async/s);
});

class Quote {
  readonly rate = 1.08;
}

test("a static method that is declared to return a class of the user's is refused when the class is made", () => {
  const error = errorOf(() => {
    class Rates {
      readonly base = "EUR";
      @untyped(Resilient())
      static latest(): Quote {
        return new Quote();
      }
    }
    return Rates;
  });
  expect(error.code).toBe("ERR_NOT_A_METHOD");
  expect(error.message).toMatch(/latest.*Quote/s);
});

class Lazy<T> extends Promise<T> {}

class Query {
  // oxlint-disable-next-line unicorn/no-thenable -- what query builders are
  then(done: (value: number) => void): void {
    done(3);
  }
}

test("declared promises, their subclasses, thenables and unions are all accepted", async () => {
  class Rates {
    @Resilient()
    plain(): Promise<number> {
      return Promise.resolve(1);
    }
    @Resilient()
    subclass(): Lazy<number> {
      return new Lazy((resolve) => resolve(2));
    }
    @untyped(Resilient())
    thenable(): Query {
      return new Query();
    }
    @untyped(Resilient())
    union(): Promise<number> | undefined {
      return Promise.resolve(4);
    }
  }
  const rates = new Rates();
  expect(
    await Promise.all([rates.plain(), rates.subclass(), rates.thenable(), rates.union()]),
  ).toEqual([1, 2, 3, 4]);
});

test("the types that the compiler left are still there", () => {
  class Rates {
    @Resilient()
    async latest(_base: string): Promise<void> {}
  }
  const typesOf = (key: string) =>
    Reflect.getMetadata(`design:${key}`, Rates.prototype, "latest") as unknown;
  expect([typesOf("paramtypes"), typesOf("returntype")]).toEqual([[String], Promise]);
  expect(methodOf(Rates.prototype, "latest").name).toBe("latest");
});
