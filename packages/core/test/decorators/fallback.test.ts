import { describe, expect, test } from "vitest";
import { circuitBreaker, fallback, Resilient, withCall } from "@breakwater/core";
import { hangs, scriptedTask } from "@breakwater/core/testing";
import { rejectionOf } from "./support.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

const down = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });

useVirtualClock();

class Rates {
  readonly #known = new Map([["EUR", 1.07]]);

  @Resilient(circuitBreaker(), fallback("latestFromCache"))
  async latest(_base: string): Promise<number> {
    throw down;
  }

  @Resilient(circuitBreaker(), fallback("latestFromCache"))
  async slow(_base: string): Promise<number> {
    return scriptedTask(hangs({ deaf: true }))({ signal: new AbortController().signal } as never);
  }

  @Resilient(fallback("notThere"))
  async mistaken(): Promise<number> {
    throw down;
  }

  @Resilient(fallback("total"))
  static async all(_base: string): Promise<number> {
    throw down;
  }

  static total(error: unknown, base: string): number {
    return error === down && base === "EUR" && this === Rates ? 7 : 0;
  }

  async latestFromCache(error: unknown, base: string): Promise<number> {
    if (error instanceof Error && this.#known.has(base)) return this.#known.get(base) ?? 0;
    throw new Error(`${base} is not cached`);
  }
}

class OtherRates extends Rates {
  override async latestFromCache(error: unknown, base: string): Promise<number> {
    return 2 * (await super.latestFromCache(error, base));
  }
}

describe("a fallback method of a class", () => {
  test("answers with what is private to the object", async () => {
    expect(await new Rates().latest("EUR")).toBe(1.07);
  });

  test("is the object's own where a subclass has another", async () => {
    expect(await new OtherRates().latest("EUR")).toBe(2.14);
  });

  test("fails with its own error", async () => {
    expect(String(await rejectionOf(new Rates().latest("USD")))).toContain("USD is not cached");
  });

  test("is a static one for a static method", async () => {
    expect(await Rates.all("EUR")).toBe(7);
  });

  test("that is not there leaves the error alone", async () => {
    expect(await rejectionOf(new Rates().mistaken())).toBe(down);
  });

  test("answers, too, where only the call has a deadline", async () => {
    const call = withCall({ deadlineMs: "1s" }, () => new Rates().slow("EUR"));
    expect(await clock.run(call)).toBe(1.07);
  });
});
