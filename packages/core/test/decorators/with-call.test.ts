import { describe, expect, test } from "vitest";
import { type Call, circuitBreaker, currentCall, Resilient, withCall } from "@breakwater/core";
import { hangs, scriptedTask } from "@breakwater/core/testing";
import { atOnce, brittle, rejectionOf } from "./support.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

const down = new Error("down");

useVirtualClock();

const breaker = brittle();

class Rates {
  runs = 0;

  @Resilient(circuitBreaker())
  async look(): Promise<Call> {
    return currentCall();
  }

  @Resilient(breaker)
  async fail(): Promise<void> {
    this.runs++;
    throw down;
  }

  @Resilient(atOnce())
  async repeat(): Promise<void> {
    this.runs++;
    throw down;
  }

  @Resilient(circuitBreaker())
  async hang(): Promise<never> {
    return scriptedTask(hangs())(currentCall());
  }

  @Resilient(circuitBreaker())
  async nest(): Promise<readonly [Call, Call]> {
    const inner = this.look();
    return [currentCall(), await inner];
  }
}

describe("withCall gives a decorated method", () => {
  test("the caller's signal: an abort reaches the task and is what the call ends with", async () => {
    const controller = new AbortController();
    const pending = rejectionOf(withCall({ signal: controller.signal }, () => new Rates().hang()));
    await clock.advance(1_000);
    controller.abort(down);
    expect(await pending).toBe(down);
  });

  test("a signal that is aborted already: the method does not run", async () => {
    const rates = new Rates();
    await expect(withCall({ signal: AbortSignal.abort(down) }, () => rates.repeat())).rejects.toBe(
      down,
    );
    expect(rates.runs).toBe(0);
  });

  test("a key: a circuit of its own, and no other", async () => {
    const rates = new Rates();
    await rejectionOf(withCall({ key: "EUR" }, () => rates.fail()));
    expect(["EUR", "USD", undefined].map((key) => breaker.state(key))).toEqual([
      "open",
      "closed",
      "closed",
    ]);
    expect((await withCall({ key: "USD" }, () => rates.look())).key).toBe("USD");
  });

  test("a deadline, although its policy has none", async () => {
    const pending = withCall({ deadlineMs: 500 }, () => new Rates().hang());
    const beganMs = clock.nowMs;
    await expect(clock.run(pending)).rejects.toMatchObject({ code: "ERR_DEADLINE_EXCEEDED" });
    expect(clock.nowMs - beganMs).toBeGreaterThanOrEqual(500);
    expect(clock.nowMs - beganMs).toBeLessThan(550);
  });

  test("whether it may be repeated, in place of what the policy says", async () => {
    const rates = new Rates();
    await rejectionOf(withCall({ idempotent: false }, () => rates.repeat()));
    expect(rates.runs).toBe(1);
    await rejectionOf(withCall({ idempotent: true }, () => rates.repeat()));
    expect(rates.runs).toBe(4);
  });
});

describe("a withCall block", () => {
  test("holds for every call that it starts", async () => {
    const rates = new Rates();
    const calls = await withCall({ key: "EUR" }, () => Promise.all([rates.look(), rates.look()]));
    expect(calls.map(({ key }) => key)).toEqual(["EUR", "EUR"]);
  });

  test("gives back what its function returns, and ends with it", async () => {
    const rates = new Rates();
    expect(withCall({ key: "EUR" }, () => 7)).toBe(7);
    expect((await rates.look()).key).toBeUndefined();
  });

  test("ends with a function that throws, too", async () => {
    const block = () =>
      withCall({ key: "EUR" }, () => {
        throw down;
      });
    expect(block).toThrow(down);
    expect((await new Rates().look()).key).toBeUndefined();
  });

  test("does not reach the calls that the method makes itself", async () => {
    const controller = new AbortController();
    const [outer, inner] = await withCall({ key: "EUR", signal: controller.signal }, () =>
      new Rates().nest(),
    );
    expect([outer.key, inner.key]).toEqual(["EUR", undefined]);
    expect(outer.signal).toBe(controller.signal);
    expect(inner.signal).not.toBe(controller.signal);
  });

  test("does not reach calls that are started after an await in it", async () => {
    const rates = new Rates();
    const call = await withCall({ key: "EUR" }, async () => {
      await Promise.resolve();
      return rates.look();
    });
    expect(call.key).toBeUndefined();
  });

  test("inside another one wins over it, option by option; afterwards the outer one holds again", async () => {
    const { signal } = new AbortController();
    const rates = new Rates();
    const both = withCall({ key: "EUR", signal }, () => {
      const inner = withCall({ key: "USD" }, () => rates.look());
      return Promise.all([inner, rates.look()]);
    });
    const [inner, outer] = await both;
    expect([inner.key, outer.key]).toEqual(["USD", "EUR"]);
    expect(outer.signal).toBe(signal);
    expect(inner.signal).toBe(signal);
  });

  test("is no call: currentCall() in it is that of the method around it, the same object as before and after", async () => {
    class Ledger {
      @Resilient(circuitBreaker())
      async before(): Promise<readonly Call[]> {
        return [currentCall(), withCall({ key: "EUR" }, () => currentCall())];
      }
      @Resilient(circuitBreaker())
      async after(): Promise<readonly Call[]> {
        return [withCall({ key: "EUR" }, () => currentCall()), currentCall()];
      }
    }
    const ledger = new Ledger();
    for (const [one, other] of [await ledger.before(), await ledger.after()])
      expect(one).toBe(other);
    expect(() => withCall({ key: "EUR" }, () => currentCall())).toThrow(
      expect.objectContaining({ code: "ERR_NO_CALL" }),
    );
  });
});

test("a refusal by key says which key", async () => {
  class Ledger {
    @Resilient(brittle())
    async post(): Promise<void> {
      throw down;
    }
  }
  const ledger = new Ledger();
  const post = () => withCall({ key: "DE" }, () => ledger.post());
  await rejectionOf(post());
  await expect(post()).rejects.toMatchObject({ code: "ERR_CIRCUIT_OPEN", key: "DE" });
});
