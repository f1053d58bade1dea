import { describe, expect, test } from "vitest";
import { currentCall, definePolicy, protect, resilient } from "@breakwater/core";
import { atOnce, brittle, methodOf, rejectionOf } from "./support.js";

const down = new Error("down");
const open = { code: "ERR_CIRCUIT_OPEN" };
const invalid = expect.objectContaining({ code: "ERR_INVALID_SPEC" });
const notAMethod = expect.objectContaining({ code: "ERR_NOT_A_METHOD" });

/** What plain JavaScript can write. */
const protectAnything = protect as unknown as (target: unknown, methods: unknown) => void;

function ratesClass() {
  return class Rates {
    runs = 0;
    async latest(fail: boolean): Promise<string> {
      this.runs++;
      if (fail) throw down;
      return currentCall().policy;
    }
    async history(): Promise<string> {
      return currentCall().policy;
    }
    static async load(): Promise<string> {
      return currentCall().policy;
    }
    get now(): number {
      return 1;
    }
    *each(): Iterable<number> {
      yield 1;
    }
    sync(): number {
      return 1;
    }
  };
}

describe("protect", () => {
  test("puts methods under parts, and leaves the others alone", async () => {
    const Rates = ratesClass();
    protect(Rates, { latest: [brittle()] });
    const rates = new Rates();
    expect(await rates.latest(false)).toBe("Rates.latest");
    await expect(rates.latest(true)).rejects.toBe(down);
    await expect(rates.latest(false)).rejects.toMatchObject(open);
    await expect(rates.history()).rejects.toMatchObject({ code: "ERR_NO_CALL" });
  });

  test("takes several methods at once, which share the parts they are both given", async () => {
    const Rates = ratesClass();
    const breaker = brittle();
    protect(Rates, { latest: [breaker, atOnce(1)], history: [breaker] });
    const rates = new Rates();
    await expect(rates.latest(true)).rejects.toBe(down);
    await expect(rates.history()).rejects.toMatchObject(open);
  });

  test("takes the name of a policy, bound at the first call, or a policy", async () => {
    const Rates = ratesClass();
    protect(Rates, {
      latest: "protect.late",
      history: resilient(brittle(), { name: "protect.given" }),
    });
    const rates = new Rates();
    await expect(rates.latest(false)).rejects.toMatchObject({ code: "ERR_UNKNOWN_POLICY" });
    definePolicy("protect.late", brittle());
    expect(await rates.latest(false)).toBe("protect.late");
    expect(await rates.history()).toBe("protect.given");
  });

  test("takes statics", async () => {
    const Rates = ratesClass();
    protect(Rates, { load: [brittle()] });
    expect(await Rates.load()).toBe("Rates.load");
  });

  test("takes methods with symbols for their names", async () => {
    const latest = Symbol("latest");
    class Rates {
      async [latest](): Promise<string> {
        return currentCall().policy;
      }
    }
    protect(Rates, { [latest]: [brittle()] });
    expect(await new Rates()[latest]()).toBe("Rates.[latest]");
  });

  test("holds for subclasses", async () => {
    const Rates = ratesClass();
    class Sub extends Rates {}
    protect(Rates, { latest: [brittle()] });
    const sub = new Sub();
    expect(await sub.latest(false)).toBe("Rates.latest");
    await expect(sub.latest(true)).rejects.toBe(down);
    await expect(new Rates().latest(false)).rejects.toMatchObject(open);
  });

  test("leaves name, length and kind of the method as they were", () => {
    const Rates = ratesClass();
    protect(Rates, { latest: [brittle()] });
    const descriptor = Object.getOwnPropertyDescriptor(Rates.prototype, "latest");
    expect(descriptor).toMatchObject({ enumerable: false, writable: true, configurable: true });
    const { name, length } = methodOf(Rates.prototype, "latest");
    expect([name, length]).toEqual(["latest", 1]);
  });
});

describe("protect says at once", () => {
  test("every name that is no method of the class", () => {
    const Rates = ratesClass();
    const wrong = () =>
      protectAnything(Rates, {
        latst: [brittle()],
        latest: [brittle()],
        constructor: [],
        prototype: [],
      });
    expect(wrong).toThrow(invalid);
    expect(wrong).toThrow(
      /protect\(Rates\)\.latst.*protect\(Rates\)\.constructor.*protect\(Rates\)\.prototype/s,
    );
  });

  test("that a getter or a generator is no method that returns a promise", () => {
    const Rates = ratesClass();
    expect(() => protectAnything(Rates, { now: [brittle()] })).toThrow(notAMethod);
    expect(() => protectAnything(Rates, { each: [brittle()] })).toThrow(notAMethod);
  });

  test("that options are wrong; and changes nothing then, also of the methods that are right", () => {
    const Rates = ratesClass();
    const latest = methodOf(Rates.prototype, "latest");
    const twoBreakers = () =>
      protect(Rates, { latest: [brittle()], history: [brittle(), brittle()] });
    expect(twoBreakers).toThrow(invalid);
    expect(methodOf(Rates.prototype, "latest")).toBe(latest);
  });

  test("that what it was given is no class", () => {
    for (const target of [undefined, {}, () => 1])
      expect(() => protectAnything(target, { latest: [brittle()] })).toThrow(invalid);
  });
});

test("a method that turns out to be synchronous rejects at its first call, and says so", async () => {
  const Rates = ratesClass();
  protectAnything(Rates, { sync: [brittle()] });
  const rates = new Rates() as unknown as { sync(): Promise<unknown> };
  const error = await rejectionOf(rates.sync());
  expect(error).toEqual(notAMethod);
});
