import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import {
  bulkhead,
  type Call,
  currentCall,
  rateLimit,
  Resilient,
  resilient,
  type ResilienceEvent,
  retry,
  retryBudget,
} from "@breakwater/core";
import { atOnce, brittle, rejectionOf } from "./support.js";
import { useVirtualClock } from "../support/virtual-clock.js";

const down = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
const own = { scope: "instance" } as const;
const code = async (call: Promise<unknown>): Promise<unknown> =>
  ((await rejectionOf(call)) as { code?: string }).code;

useVirtualClock();

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

describe("with { scope: 'instance' }", () => {
  test("each object has a circuit of its own; the template's stays closed", async () => {
    const breaker = brittle();
    class Client {
      @Resilient(breaker, own)
      async fail(): Promise<void> {
        throw down;
      }
    }
    const [one, other] = [new Client(), new Client()];
    expect(await code(one.fail())).toBe("ECONNRESET");
    expect(await code(one.fail())).toBe("ERR_CIRCUIT_OPEN");
    expect(await code(other.fail())).toBe("ECONNRESET");
    expect(breaker.state()).toBe("closed");
  });

  test("each object has a credit of its own", async () => {
    class Client {
      runs = 0;
      @Resilient(atOnce(3), retryBudget({ ratio: 0, reserve: 1 }), own)
      async fail(): Promise<void> {
        this.runs++;
        throw down;
      }
    }
    const [one, other] = [new Client(), new Client()];
    for (const client of [one, one, other]) await rejectionOf(client.fail());
    expect([one.runs, other.runs]).toEqual([3, 2]);
  });

  test("each object has room and a rate of its own", async () => {
    class Client {
      @Resilient(bulkhead({ limit: 1 }), own)
      async hang(): Promise<never> {
        return new Promise(() => {});
      }
      @Resilient(rateLimit({ perSecond: 1, burst: 1 }), own)
      async send(): Promise<string> {
        return "sent";
      }
    }
    const [one, other] = [new Client(), new Client()];
    void one.hang();
    expect(await code(one.hang())).toBe("ERR_BULKHEAD_FULL");
    void other.hang();
    expect(await code(other.hang())).toBe("ERR_BULKHEAD_FULL");
    expect(await one.send()).toBe("sent");
    expect(await code(one.send())).toBe("ERR_RATE_LIMITED");
    expect(await other.send()).toBe("sent");
  });

  test("methods of one object that share a part share its copy", async () => {
    const breaker = brittle();
    class Client {
      @Resilient(breaker, own)
      async fail(): Promise<void> {
        throw down;
      }
      @Resilient(breaker, own)
      async work(): Promise<string> {
        return "fine";
      }
    }
    const [one, other] = [new Client(), new Client()];
    await rejectionOf(one.fail());
    expect(await code(one.work())).toBe("ERR_CIRCUIT_OPEN");
    expect(await other.work()).toBe("fine");
  });

  test("each object has a circuit for each key", async () => {
    class Client {
      @Resilient(brittle(), { ...own, key: (_: Client, host: string) => host })
      async get(_host: string): Promise<void> {
        throw down;
      }
    }
    const [one, other] = [new Client(), new Client()];
    await rejectionOf(one.get("a"));
    const codes = [one.get("a"), one.get("b"), other.get("a")].map(code);
    expect(await Promise.all(codes)).toEqual(["ERR_CIRCUIT_OPEN", "ECONNRESET", "ECONNRESET"]);
  });

  test("a class is an object, too: its static methods have their own", async () => {
    class Client {
      readonly made = true;
      @Resilient(brittle(), own)
      static async fail(): Promise<void> {
        throw down;
      }
    }
    class Other extends Client {}
    await rejectionOf(Client.fail());
    expect(await code(Client.fail())).toBe("ERR_CIRCUIT_OPEN");
    expect(await code(Other.fail())).toBe("ECONNRESET");
  });

  test("a method without an object runs under the parts themselves", async () => {
    const breaker = brittle();
    const fail = resilient(breaker, own).wrap(() => Promise.reject(down));
    await rejectionOf(fail.call({}));
    expect(breaker.state()).toBe("closed");
    await rejectionOf(fail());
    expect(breaker.state()).toBe("open");
  });

  test("what happens to the copies reaches the policy's listeners", async () => {
    const policy = resilient(brittle("crm"), { ...own, name: "clients" });
    const events: ResilienceEvent[] = [];
    const off = policy.on("*", (event) => events.push(event));
    class Client {
      @Resilient(policy)
      async fail(): Promise<void> {
        throw down;
      }
    }
    const [one, other] = [new Client(), new Client()];
    await rejectionOf(one.fail());
    await rejectionOf(other.fail());
    off();
    await rejectionOf(new Client().fail());
    const opened = { type: "circuit.opened", policy: "clients", guard: "crm" };
    expect(events).toMatchObject([opened, opened]);
  });

  test("set on the class, it reaches methods that carry a bare @Resilient()", async () => {
    @Resilient(brittle(), { ...own, context: true })
    class Client {
      @Resilient()
      async fail(): Promise<void> {
        throw down;
      }
      @Resilient()
      async look(): Promise<Call> {
        await Promise.resolve();
        return currentCall();
      }
    }
    const [one, other] = [new Client(), new Client()];
    expect((await one.look()).policy).toBe("Client.look");
    await rejectionOf(one.fail());
    expect(await code(one.look())).toBe("ERR_CIRCUIT_OPEN");
    expect((await other.look()).policy).toBe("Client.look");
  });

  test("set on the class, a method can take it back", async () => {
    @Resilient(own)
    class Client {
      @Resilient(brittle(), { scope: "shared" })
      async fail(): Promise<void> {
        throw down;
      }
    }
    await rejectionOf(new Client().fail());
    expect(await code(new Client().fail())).toBe("ERR_CIRCUIT_OPEN");
  });

  test("the recommended parts of a class, too, are each object's own", async () => {
    @Resilient(own)
    class Client {
      @Resilient(retry({ maxAttempts: 1 }))
      async fail(): Promise<void> {
        throw down;
      }
    }
    const [one, other] = [new Client(), new Client()];
    for (let n = 0; n < 5; n++) await rejectionOf(one.fail());
    expect(await code(one.fail())).toBe("ERR_CIRCUIT_OPEN");
    expect(await code(other.fail())).toBe("ECONNRESET");
  });

  test("a frozen object has its own, too", async () => {
    class Client {
      @Resilient(brittle(), own)
      async fail(): Promise<void> {
        throw down;
      }
    }
    const frozen = Object.freeze(new Client());
    await rejectionOf(frozen.fail());
    expect(await code(frozen.fail())).toBe("ERR_CIRCUIT_OPEN");
  });

  test("no object is kept alive", async () => {
    class Client {
      @Resilient(brittle(), retryBudget(), bulkhead({ limit: 5 }), rateLimit({ perSecond: 9 }), own)
      async fail(): Promise<void> {
        throw down;
      }
    }
    const references = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const client = new Client();
        await rejectionOf(client.fail());
        return new WeakRef(client);
      }),
    );
    for (let n = 0; n < 5; n++) {
      await new Promise((resolve) => setImmediate(resolve));
      collectGarbage();
    }
    const alive = references.filter((reference) => reference.deref() !== undefined);
    expect(alive.length).toBeLessThanOrEqual(2);
  });
});
