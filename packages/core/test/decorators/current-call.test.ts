import { describe, expect, test } from "vitest";
import {
  type Call,
  circuitBreaker,
  currentCall,
  Resilient,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { atOnce, rejectionOf } from "./support.js";

const down = new Error("down");
const noCall = expect.objectContaining({ code: "ERR_NO_CALL" });

describe("currentCall() before the first await", () => {
  class Once {
    @Resilient(circuitBreaker())
    async look(): Promise<readonly Call[]> {
      return [currentCall(), currentCall()];
    }
  }
  class Repeating {
    @Resilient(atOnce(), retryBudget(), timeout("2s"))
    async look(): Promise<readonly Call[]> {
      return [currentCall(), currentCall()];
    }
  }
  const both = [
    ["runs once", new Once()],
    ["may repeat", new Repeating()],
  ] as const;

  test.each(both)("gives one and the same object, in a policy that %s", async (_, service) => {
    const [first, second] = await service.look();
    expect(first).toBe(second);
  });

  test.each(both)(
    "tells signal, attempt, key and policy, in a policy that %s",
    async (_, service) => {
      const [call] = await service.look();
      expect(call?.signal).toBeInstanceOf(AbortSignal);
      expect(call?.signal.aborted).toBe(false);
      expect(call?.signal).toBe(call?.signal);
      expect(call).toMatchObject({
        attempt: 1,
        key: undefined,
        policy: `${service.constructor.name}.look`,
      });
      expect(call?.idempotencyKey).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    },
  );

  test("what is left of the attempt is told where something limits it", async () => {
    class Rates {
      @Resilient(circuitBreaker())
      async free(): Promise<number | undefined> {
        return currentCall().remainingMs;
      }
      @Resilient(atOnce())
      async repeating(): Promise<number | undefined> {
        return currentCall().remainingMs;
      }
      @Resilient(timeout("2s"))
      async limited(): Promise<number | undefined> {
        return currentCall().remainingMs;
      }
    }
    expect(await new Rates().free()).toBeUndefined();
    expect(await new Rates().repeating()).toBeUndefined();
    const remainingMs = await new Rates().limited();
    expect(remainingMs).toBeGreaterThan(0);
    expect(remainingMs).toBeLessThanOrEqual(2_000);
  });

  test("counts attempts; the idempotency key is one for all of a call, and another for the next", async () => {
    const seen: Call[] = [];
    class Ledger {
      @Resilient(atOnce())
      async post(): Promise<void> {
        seen.push(currentCall());
        if (seen.length % 3 !== 0) throw down;
      }
    }
    const ledger = new Ledger();
    await ledger.post();
    await ledger.post();
    expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 1, 2, 3]);
    const [first, second, third, next] = seen.map(({ idempotencyKey }) => idempotencyKey);
    expect([second, third]).toEqual([first, first]);
    expect(next).not.toBe(first);
  });

  test("each of two decorated methods, one inside the other, sees its own; afterwards the outer one is back", async () => {
    class Rates {
      @Resilient(circuitBreaker())
      async outer(): Promise<readonly string[]> {
        const inner = this.inner();
        const { policy } = currentCall();
        return [await inner, policy];
      }
      @Resilient(circuitBreaker())
      async inner(): Promise<string> {
        return currentCall().policy;
      }
    }
    expect(await new Rates().outer()).toEqual(["Rates.inner", "Rates.outer"]);
  });
});

describe("currentCall() elsewhere", () => {
  test("outside any call says so", () => {
    expect(() => currentCall()).toThrow(noCall);
  });

  test("after an await says so, and what to do", async () => {
    class Rates {
      @Resilient(circuitBreaker())
      async latest(): Promise<Call> {
        await Promise.resolve();
        return currentCall();
      }
    }
    const error = await rejectionOf(new Rates().latest());
    expect(error).toEqual(noCall);
    expect(String(error)).toMatch(/before the first await.*context: true/s);
  });

  test("after a task that threw synchronously, no call is left behind", async () => {
    class Rates {
      @Resilient(circuitBreaker())
      latest(): Promise<void> {
        throw down;
      }
    }
    const pending = rejectionOf(new Rates().latest());
    expect(() => currentCall()).toThrow(noCall);
    expect(await pending).toBe(down);
  });

  test("with context: true it holds after each await, each attempt its own", async () => {
    const seen: (readonly [Call, Call])[] = [];
    class Rates {
      @Resilient(atOnce(2), { context: true })
      async latest(): Promise<void> {
        const before = currentCall();
        await Promise.resolve();
        seen.push([before, currentCall()]);
        if (seen.length === 1) throw down;
      }
    }
    await new Rates().latest();
    expect(seen.map(([before, after]) => [before.attempt, after.attempt])).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(seen.map(([before, after]) => before.idempotencyKey === after.idempotencyKey)).toEqual([
      true,
      true,
    ]);
  });
});
