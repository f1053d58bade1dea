import {
  type CircuitBreaker,
  circuitBreaker,
  type CircuitBreakerOptions,
  type Policy,
  resilient,
} from "@breakwater/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compiledFor, type DriverName } from "../support/laws/drivers.js";
import { lawRuns } from "../support/laws/seed.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

const runs = lawRuns("half-open admits exactly its probes");

useVirtualClock();

/** An attempt that is running, to be ended by the test. */
interface Running {
  resolve(): void;
  reject(): void;
}

class Subject {
  readonly breaker: CircuitBreaker;
  readonly policy: Policy;
  readonly running: Running[] = [];

  constructor(driver: DriverName, options: CircuitBreakerOptions) {
    this.breaker = circuitBreaker({ consecutiveFailures: 1, openMs: 1_000, ...options });
    this.policy = compiledFor(driver, () => resilient(this.breaker));
  }

  /** Starts a call; its task, if it runs at all, is added to `running`. */
  call(signal?: AbortSignal): Promise<unknown> {
    const task = (): Promise<void> =>
      new Promise((resolve, reject) => {
        this.running.push({ resolve, reject: () => reject(new Error("reset")) });
        signal?.addEventListener("abort", () => reject(signal.reason as Error));
      });
    return this.policy.execute(task, { signal }).catch((error: unknown) => error);
  }

  calls(number: number): void {
    for (let left = number; left > 0; left--) void this.call();
  }

  /** To the moment at which the opening is over. */
  async open(): Promise<void> {
    await this.policy.execute(() => Promise.reject(new Error("reset"))).catch(() => {});
    await clock.advance(1_200);
  }
}

describe.each(["direct", "drive"] as const)("with the driver %s", (driver) => {
  const probeNumber = fc.integer({ min: 1, max: 12 });

  it("of 1,000 callers at that moment exactly as many run as there are probes", async () => {
    const subject = new Subject(driver, { probes: 3 });
    await subject.open();
    subject.calls(1_000);
    expect(subject.running).toHaveLength(3);
    await clock.advance(0);
    expect(subject.running).toHaveLength(3);
  });

  it("never more than the probes run, whatever they end with, until the result is certain", async () => {
    const outcomes = fc.array(fc.constantFrom("resolve", "reject", "abort"), { maxLength: 16 });
    const property = fc.asyncProperty(
      probeNumber,
      fc.constantFrom(0.3, 0.5, 1),
      outcomes,
      async (probes, probeSuccessRatio, ends) => {
        const subject = new Subject(driver, { probes, probeSuccessRatio });
        const needed = Math.max(1, Math.ceil(probes * probeSuccessRatio));
        await subject.open();
        const answered = { resolve: 0, reject: 0 };
        for (const end of ends) {
          const aborter = new AbortController();
          void subject.call(end === "abort" ? aborter.signal : undefined);
          const probe = subject.running.pop();
          expect(probe).toBeDefined();
          if (end === "abort") aborter.abort();
          else answered[end]++;
          if (end !== "abort") probe?.[end]();
          await clock.advance(0);
          const certain =
            answered.resolve >= needed
              ? "closed"
              : answered.reject > probes - needed
                ? "open"
                : "half-open";
          expect(subject.breaker.state()).toBe(certain);
          if (certain !== "half-open") break;
        }
      },
    );
    await fc.assert(property, runs);
  });

  it("is not kept by probes that hang for ever: after probeMs they count as failed", async () => {
    const property = fc.asyncProperty(
      probeNumber,
      fc.integer({ min: 10, max: 5_000 }),
      async (probes, probeMs) => {
        const subject = new Subject(driver, { probes, probeMs });
        await subject.open();
        subject.calls(probes);
        await clock.advance(probeMs);
        expect(await subject.policy.execute(() => "run").catch(() => "refused")).toBe("refused");
        expect(subject.breaker.state()).toBe("half-open");
        await clock.advance(1);
        expect(await subject.policy.execute(() => "run").catch(() => "refused")).toBe("refused");
        expect(subject.breaker.state()).toBe("open");
        await clock.advance(3_000);
        for (let left = probes; left > 0; left--)
          expect(await subject.policy.execute(() => "run")).toBe("run");
        expect(subject.breaker.state()).toBe("closed");
      },
    );
    await fc.assert(property, runs);
  });

  it("is not touched by late successes and failures of an earlier epoch", async () => {
    const property = fc.asyncProperty(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
      async (late) => {
        const subject = new Subject(driver, { probes: 2 });
        subject.calls(late.length);
        const earlier = subject.running.splice(0);
        await subject.open();
        void subject.call();
        for (const [index, well] of late.entries()) earlier[index]?.[well ? "resolve" : "reject"]();
        await clock.advance(0);
        expect(subject.breaker.state()).toBe("half-open");
        subject.calls(5);
        expect(subject.running).toHaveLength(2);
      },
    );
    await fc.assert(property, runs);
  });

  it("gets the slot of a probe back that its caller has aborted, and gives it to the next", async () => {
    const property = fc.asyncProperty(
      probeNumber,
      fc.integer({ min: 1, max: 12 }),
      async (probes, aborts) => {
        const subject = new Subject(driver, { probes });
        await subject.open();
        subject.calls(probes - 1);
        for (let left = aborts; left > 0; left--) {
          const aborter = new AbortController();
          const aborted = subject.call(aborter.signal);
          subject.calls(3);
          expect(subject.running).toHaveLength(probes);
          aborter.abort();
          expect(await aborted).toBe(aborter.signal.reason);
          expect(subject.breaker.state()).toBe("half-open");
          subject.running.pop();
        }
        subject.calls(3);
        expect(subject.running).toHaveLength(probes);
      },
    );
    await fc.assert(property, runs);
  });
});
