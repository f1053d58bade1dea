// Tests of what only standard decorators have: private methods and auto-accessors. See dialect.test.ts.
import { expect, test } from "vitest";
import { currentCall, Resilient } from "@breakwater/core";
import { atOnce, brittle, errorOf, untyped } from "../support.js";

class Vault {
  runs = 0;

  // @ts-expect-error -- the tests are type-checked as the legacy dialect
  @Resilient(brittle(), atOnce(1))
  async #open(code: string): Promise<string> {
    this.runs++;
    if (code === "wrong") throw new Error("jammed");
    return `${currentCall().policy} ${code}`;
  }

  // @ts-expect-error -- the tests are type-checked as the legacy dialect
  @Resilient(brittle())
  static async #build(): Promise<string> {
    return currentCall().policy;
  }

  open(code: string): Promise<string> {
    return this.#open(code);
  }

  static build(): Promise<string> {
    return this.#build();
  }

  get identity(): readonly [string, number] {
    return [this.#open.name, this.#open.length];
  }
}

class Safe extends Vault {}

test("a private method is named after the class that declares it, whoever is the first to call it", async () => {
  expect(await new Safe().open("1234")).toBe("Vault.#open 1234");
  expect(await Vault.build()).toBe("Vault.#build");
});

test("a private method runs under its policy, and keeps its name and length", async () => {
  const vault = new Vault();
  expect(vault.identity).toEqual(["#open", 1]);
  await expect(vault.open("wrong")).rejects.toThrow("jammed");
  await expect(vault.open("right")).rejects.toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
  expect(vault.runs).toBe(1);
});

test("an auto-accessor is refused when the class is made", () => {
  const error = errorOf(() => {
    class Rates {
      @untyped(Resilient())
      accessor latest = async (): Promise<number> => 1;
    }
    return Rates;
  });
  expect(error.code).toBe("ERR_NOT_A_METHOD");
  expect(error.message).toMatch(/latest.*accessor/s);
});
