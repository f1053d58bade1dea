import { expect, test } from "vitest";
import { circuitBreaker, describeResilience, protect, Resilient, retry } from "@breakwater/core";
import { brittle } from "./support.js";

type Class = abstract new () => object;

/** `static Rates.load` → its line in a start-up log. */
function linesOf(target: Class): readonly string[] {
  const described = describeResilience(target);
  return described
    .map((one) => `${one.static ? "static " : ""}${one.method} as ${one.explanation.policy}`)
    .toSorted();
}

test("tells the methods and statics of a class", () => {
  class Rates {
    @Resilient(circuitBreaker())
    async latest(): Promise<void> {}
    @Resilient(circuitBreaker())
    static async load(): Promise<void> {}
    async plain(): Promise<void> {}
  }
  expect(linesOf(Rates)).toEqual(["latest as Rates.latest", "static load as Rates.load"]);
});

test("tells a method and a static one of the same name apart", () => {
  class Rates {
    @Resilient(circuitBreaker())
    async load(): Promise<void> {}
    @Resilient(circuitBreaker())
    static async load(): Promise<void> {}
  }
  expect(linesOf(Rates)).toEqual(["load as Rates.load", "static load as Rates.load"]);
});

test("tells two methods apart whose symbols are described alike", () => {
  const [one, other] = [Symbol("run"), Symbol("run")];
  class Rates {
    @Resilient(circuitBreaker())
    async [one](): Promise<void> {}
    @Resilient(circuitBreaker())
    async [other](): Promise<void> {}
  }
  expect(linesOf(Rates)).toHaveLength(2);
});

test("tells what is inherited, and what overrides it in its place", () => {
  class Base {
    @Resilient(circuitBreaker())
    async inherited(): Promise<void> {}
    @Resilient(circuitBreaker())
    async overridden(): Promise<void> {}
    @Resilient(circuitBreaker())
    static async load(): Promise<void> {}
  }
  class Sub extends Base {
    @Resilient(retry())
    override async overridden(): Promise<void> {}
  }
  expect(linesOf(Sub)).toEqual([
    "inherited as Base.inherited",
    "overridden as Sub.overridden",
    "static load as Base.load",
  ]);
  expect(linesOf(Base)).toContain("overridden as Base.overridden");
});

test("does not tell of a method that a subclass overrides without protection", () => {
  class Base {
    @Resilient(circuitBreaker())
    async call(): Promise<void> {}
  }
  class Sub extends Base {
    override async call(): Promise<void> {}
  }
  expect(linesOf(Sub)).toEqual([]);
});

test("tells what the class has declared for its methods, and what protect has done", () => {
  @Resilient(circuitBreaker({ name: "shared" }))
  class Rates {
    @Resilient({ owner: "payments" })
    async latest(): Promise<void> {}
    async order(): Promise<void> {}
  }
  protect(Rates, { order: [circuitBreaker({ name: "own" })] });
  const described = describeResilience(Rates);
  const latest = described.find(({ method }) => method === "latest");
  const order = described.find(({ method }) => method === "order");
  expect(latest?.explanation.owner).toBe("payments");
  expect(latest?.explanation.parts).toContainEqual(
    expect.objectContaining({ kind: "breaker", name: "shared" }),
  );
  expect(order?.explanation.parts).toContainEqual(
    expect.objectContaining({ kind: "breaker", name: "own" }),
  );
  expect(String(latest?.explanation)).toMatch(/^Rates\.latest\n/);
});

test("describes the policy that the calls run under", async () => {
  class Rates {
    @Resilient(brittle())
    async latest(): Promise<void> {
      throw new Error("down");
    }
  }
  const guardOf = () =>
    describeResilience(Rates)[0]?.explanation.parts.find(({ kind }) => kind === "breaker")?.name;
  expect(guardOf()).toBe("Rates.latest");
  await expect(new Rates().latest()).rejects.toThrow("down");
  await expect(new Rates().latest()).rejects.toMatchObject({ guard: guardOf() });
});

test("tells nothing of a class that declares nothing", () => {
  class Plain {
    async latest(): Promise<void> {}
  }
  expect(describeResilience(Plain)).toEqual([]);
});

test("says which policy nobody has defined", () => {
  class Ledger {
    @Resilient("describe.unknown")
    async post(): Promise<void> {}
  }
  expect(() => describeResilience(Ledger)).toThrow(
    expect.objectContaining({ code: "ERR_UNKNOWN_POLICY" }),
  );
});
