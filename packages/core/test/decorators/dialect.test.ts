import { expect, inject, test } from "vitest";
import { Resilient } from "@breakwater/core";
import { untyped } from "./support.js";

const dialect = inject("dialect");

/** What the other dialect cannot even compile. */
const only = {
  legacy: () => import("./only/legacy.js"),
  standard: () => import("./only/standard.js"),
};
await only[dialect]();

test(`these tests are compiled to ${dialect} decorators`, () => {
  const calls: (readonly unknown[])[] = [];
  const probe = untyped((...args: readonly unknown[]) => void calls.push(args));
  class Probed {
    @probe
    async method(): Promise<void> {}
  }
  const [args] = calls;
  const asLegacy = [Probed.prototype, "method", expect.objectContaining({ configurable: true })];
  const asStandard = [
    expect.any(Function),
    expect.objectContaining({ kind: "method", name: "method" }),
  ];
  expect(args).toEqual(dialect === "legacy" ? asLegacy : asStandard);
});

test("a standard class gets metadata, as the package makes the symbol for it", () => {
  class Rates {
    @Resilient()
    async latest(): Promise<void> {}
  }
  expect(Object.hasOwn(Rates, Symbol.metadata)).toBe(dialect === "standard");
});
