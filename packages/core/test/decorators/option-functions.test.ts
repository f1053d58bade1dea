import { expect, test } from "vitest";
import { currentCall, Resilient } from "@breakwater/core";
import { atOnce, brittle, rejectionOf } from "./support.js";

const down = new Error("down");

test("a key function gets the object and the arguments, and chooses the circuit", async () => {
  const breaker = brittle();
  class Shop {
    readonly tenant: string;
    constructor(tenant: string) {
      this.tenant = tenant;
    }
    @Resilient(breaker, { key: (self: Shop, region: string) => `${self.tenant}/${region}` })
    async order(_region: string, fail: boolean): Promise<string | undefined> {
      if (fail) throw down;
      return currentCall().key;
    }
  }
  const shop = new Shop("acme");
  await expect(shop.order("eu", true)).rejects.toBe(down);
  await expect(shop.order("eu", false)).rejects.toMatchObject({
    code: "ERR_CIRCUIT_OPEN",
    key: "acme/eu",
  });
  expect(await shop.order("us", false)).toBe("acme/us");
  expect(await new Shop("other").order("eu", false)).toBe("other/eu");
});

test("a key function of a static method gets the class", async () => {
  class Shop {
    readonly tenant = "acme";
    static readonly region = "eu";
    @Resilient(brittle(), { key: (self: typeof Shop, id: number) => `${self.region}/${id}` })
    static async order(_id: number): Promise<string | undefined> {
      return currentCall().key;
    }
  }
  expect(await Shop.order(7)).toBe("eu/7");
});

test("a key function runs once per call, not once per attempt", async () => {
  let asked = 0;
  class Shop {
    @Resilient(atOnce(), { key: () => `key ${++asked}` })
    async order(): Promise<void> {
      throw down;
    }
  }
  await rejectionOf(new Shop().order());
  expect(asked).toBe(1);
});

test("whether a call may be repeated can depend on its arguments", async () => {
  class Ledger {
    readonly runs = { read: 0, post: 0 };
    @Resilient(atOnce(), { idempotent: (kind: "read" | "post") => kind === "read" })
    async send(kind: "read" | "post"): Promise<void> {
      this.runs[kind]++;
      throw down;
    }
  }
  const ledger = new Ledger();
  await rejectionOf(ledger.send("read"));
  await rejectionOf(ledger.send("post"));
  expect(ledger.runs).toEqual({ read: 3, post: 1 });
});
