import "reflect-metadata";
import { expect, test } from "vitest";
import { Resilient } from "@breakwater/core";
import { methodOf, onMethod } from "./support.js";

function tag(key: string, value: unknown) {
  return onMethod((method) => Reflect.defineMetadata(key, value, method));
}

test("metadata that decorators below and above put on the function is found on the method", () => {
  class Rates {
    @tag("above", 1)
    @Resilient()
    @tag("below", 2)
    async latest(): Promise<void> {}
  }
  const latest = methodOf(Rates.prototype, "latest");
  expect(Reflect.getMetadata("above", latest)).toBe(1);
  expect(Reflect.getMetadata("below", latest)).toBe(2);
});

test("metadata of the property and of the class is left alone", () => {
  class Rates {
    @Resilient()
    async latest(_base: string): Promise<void> {}
  }
  Reflect.defineMetadata("route", "/latest", Rates.prototype, "latest");
  Reflect.defineMetadata("controller", "/rates", Rates);
  expect(Reflect.getMetadata("route", Rates.prototype, "latest")).toBe("/latest");
  expect(Reflect.getMetadata("controller", Rates)).toBe("/rates");
});

test("a decorator above sees a method with the metadata of the one below", () => {
  const seen: unknown[] = [];
  class Rates {
    @onMethod((method) => void seen.push(Reflect.getMetadata("role", method)))
    @Resilient()
    @tag("role", "admin")
    async latest(): Promise<void> {}
  }
  expect(seen).toEqual(["admin"]);
  expect(methodOf(Rates.prototype, "latest").name).toBe("latest");
});
