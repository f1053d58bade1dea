import {
  bulkhead,
  circuitBreaker,
  logEvents,
  type Logger,
  type LogLine,
  registry,
  type ResilienceEvent,
  resilient,
  retry,
  retryBudget,
} from "@breakwater/core";
import { installVirtualClock } from "@breakwater/core/testing";
import { inspect } from "node:util";
import { describe, expect, it, vi } from "vitest";
import type { Watchable } from "@breakwater/core";
import { fail, fails, PAST_OPENING_MS, rejectionOf, works } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

useVirtualClock();

interface Said {
  readonly level: keyof Logger;
  readonly line: LogLine;
}

function memoryLogger(): { readonly said: Said[]; readonly logger: Logger } {
  const said: Said[] = [];
  const at = (level: keyof Logger) => (line: LogLine) => void said.push({ level, line });
  return {
    said,
    logger: { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") },
  };
}

const texts = (said: readonly Said[]): string[] =>
  said.map(({ level, line }) => `${level} ${line.msg}`);

/** Something that can be told to tell. */
function scripted(): { readonly watched: Watchable; readonly tell: (event: object) => void } {
  const listeners = new Set<(event: ResilienceEvent) => unknown>();
  return {
    watched: {
      on: (_: string, listener: (event: never) => unknown) => {
        listeners.add(listener as never);
        return () => void listeners.delete(listener as never);
      },
    },
    tell: (event) => {
      for (const listener of listeners)
        listener({ policy: "crm", at: 0, ...event } as ResilienceEvent);
    },
  };
}

const denied = { type: "retry.denied", severity: "warning", attempt: 2, by: "budget" };
const closed = { type: "circuit.closed", severity: "info", guard: "crm", openedForMs: 1_000 };
const deniedText = "crm did not make attempt 2: stopped because the retry budget was spent";

describe("logEvents", () => {
  it("writes the life of a circuit, each event at the level of its severity", async () => {
    const { said, logger } = memoryLogger();
    const breaker = circuitBreaker({
      consecutiveFailures: 2,
      openMs: 1_000,
      maxOpenMs: 1_000,
      probes: 1,
    });
    const policy = resilient(breaker, { name: "crm" });
    logEvents(policy, logger);
    await fail(clock, policy, 2);
    await rejectionOf(policy.execute(works));
    await clock.advance(1_001);
    await policy.execute(works);
    const lines = texts(said).map((text) => text.replace(/\d+ ms|1 s/g, "N ms"));
    expect(lines).toEqual([
      "error circuit crm opened: 2 failures in a row (consecutiveFailures); the last was Error ECONNRESET: read ECONNRESET; calls are refused for N ms",
      "warn crm refused a call: the circuit is open, or half-open with all probes taken (ERR_CIRCUIT_OPEN by crm); ask again in N ms",
      "warn circuit crm is half-open: 1 probe tries the dependency",
      "info circuit crm closed: its probes succeeded; it had opened for N ms",
    ]);
  });

  it("names the policies of a shared breaker and the key, where the breaker's name does not say so", async () => {
    const { said, logger } = memoryLogger();
    const breaker = circuitBreaker({ name: "the crm", failureRatio: 0.5, minimumCalls: 1 });
    const policies = ["reads", "writes", "audits", "exports"].map((name) =>
      resilient(breaker, { name }),
    );
    const off = logEvents(registry, logger);
    for (const policy of policies) await policy.execute(works);
    await rejectionOf(policies[1]?.execute(fails, { key: "EU" }) ?? works());
    off();
    const own = texts(said).filter((text) => text.includes("the crm"));
    expect(own).toEqual([
      expect.stringMatching(
        /^error circuit the crm of reads, writes, 2 more at "EU" opened: a share of at least 0\.5 of the attempts failed \(failureRatio\); .* refused for \d/,
      ) as string,
    ]);
  });

  it("hands over one object: the event with its sentence, that prints as the sentence", async () => {
    const { said, logger } = memoryLogger();
    const { watched, tell } = scripted();
    logEvents(watched, logger);
    tell(denied);
    const [{ line }] = said as [Said];
    expect({ ...line }).toEqual({ policy: "crm", at: 0, ...denied, msg: deniedText });
    expect([String(line), inspect(line)]).toEqual([deniedText, deniedText]);
    expect(JSON.parse(JSON.stringify(line))).toEqual({ ...line });
  });

  it("says every kind of event in a sentence", async () => {
    const { said, logger } = memoryLogger();
    const policy = resilient(
      circuitBreaker({ maxKeys: 1 }),
      bulkhead({ limit: 1 }),
      retryBudget({ ratio: 0, reserve: 0 }),
      retry(),
    );
    logEvents(policy, logger);
    await rejectionOf(policy.execute(() => Promise.reject(new Error("two\nlines"))));
    for (const key of ["one", "two"]) await policy.execute(works, { key });
    expect(texts(said)).toEqual([
      `info ${policy.name} has no name: give it a name: resilient({ name: 'crm' }, …)`,
      `warn ${policy.name} met an error that no rule knows, and takes it for transient: Error: two lines`,
      `warn ${policy.name} did not make attempt 2: stopped because the retry budget was spent`,
      `warn ${policy.name} has more than 1 keys (maxKeys): new ones share one state`,
    ]);
  });

  it("refuses options that cannot work", () => {
    expect(() => logEvents(registry, console, { foldMs: 0 })).toThrow(/logEvents\.foldMs/);
  });
});

describe("what happens again within foldMs", () => {
  it("is said once, and once more with its number when the time is over", async () => {
    const { said, logger } = memoryLogger();
    const { watched, tell } = scripted();
    logEvents(watched, logger);
    for (let n = 0; n < 100; n++) tell(denied);
    expect(texts(said)).toEqual([`warn ${deniedText}`]);
    await clock.advance(10_000);
    expect(texts(said)).toEqual([
      `warn ${deniedText}`,
      `warn ${deniedText} (99 times more within 10 s)`,
    ]);
    expect(said[1]?.line.repeats).toBe(99);
  });

  it("makes one line in each such time while it goes on, and is new again after as long a silence", async () => {
    const { said, logger } = memoryLogger();
    const { watched, tell } = scripted();
    logEvents(watched, logger, { foldMs: "1s" });
    for (let n = 0; n < 30; n++) {
      tell(denied);
      await clock.advance(100);
    }
    const during = said.length;
    expect(during).toBeLessThanOrEqual(4);
    await clock.advance(5_000);
    const repeats = said.reduce((sum, { line }) => sum + (line.repeats ?? 1), 0);
    expect(repeats).toBe(30);
    tell(denied);
    expect(texts(said).at(-1)).toBe(`warn ${deniedText}`);
  });

  it("is said before something new of the same policy and key, and not before that of others", async () => {
    const { said, logger } = memoryLogger();
    const { watched, tell } = scripted();
    logEvents(watched, logger);
    for (let n = 0; n < 3; n++) for (const key of ["EU", "US"]) tell({ ...denied, key });
    tell({ ...closed, key: "EU" });
    expect(texts(said).slice(2)).toEqual([
      'warn crm did not make attempt 2 at "EU": stopped because the retry budget was spent (2 times more within 0 ms)',
      'info circuit crm at "EU" closed: its probes succeeded; it had opened for 1 s',
    ]);
  });

  it("is told from what has another reason", async () => {
    const { said, logger } = memoryLogger();
    const { watched, tell } = scripted();
    logEvents(watched, logger);
    for (const by of ["budget", "deadline", "budget", "deadline"]) tell({ ...denied, by });
    expect(said).toHaveLength(2);
  });

  it("ends with what happened last: the last line about a circuit is what became of it", async () => {
    const { said, logger } = memoryLogger();
    const { watched, tell } = scripted();
    logEvents(watched, logger);
    const opened = { ...closed, type: "circuit.opened", reason: "probes", openMs: 1 };
    for (const event of [opened, closed, opened, closed, opened]) tell(event);
    await clock.advance(20_000);
    expect(said.map(({ line }) => line.type)).toEqual([
      "circuit.opened",
      "circuit.closed",
      "circuit.closed",
      "circuit.opened",
    ]);
  });

  it("is a sum where it is refusals, those included that the policy itself has folded", async () => {
    const { said, logger } = memoryLogger();
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1, openMs: "1m" }), {
      name: "crm",
    });
    await fail(clock, policy, 1);
    logEvents(policy, logger);
    for (let n = 0; n < 500; n++) await rejectionOf(policy.execute(works));
    await clock.advance(12_500);
    expect(texts(said).map((text) => text.split(":")[0])).toEqual([
      "warn crm refused a call",
      "warn crm refused 499 calls",
    ]);
    expect(said[1]?.line).toMatchObject({ count: 499, repeats: 499 });
  });

  it("is said when the log is ended, which then is still", async () => {
    const { said, logger } = memoryLogger();
    const { watched, tell } = scripted();
    const off = logEvents(watched, logger);
    tell(denied);
    tell(denied);
    off();
    off();
    tell(denied);
    await clock.advance(60_000);
    expect(texts(said)).toEqual([
      `warn ${deniedText}`,
      `warn ${deniedText} (once more within 0 ms)`,
    ]);
  });

  it("is said after its time although the clock has been changed meanwhile", async () => {
    const { said, logger } = memoryLogger();
    const { watched, tell } = scripted();
    logEvents(watched, logger);
    tell(denied);
    const { nowMs } = clock;
    clock.restore();
    using next = installVirtualClock();
    expect(next.nowMs).toBeGreaterThanOrEqual(nowMs);
    tell(denied);
    await next.advance(12_500);
    expect(said).toHaveLength(2);
  });
});

describe("a logger that fails", () => {
  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("disk full");
      },
    ],
    ["rejects", () => Promise.reject(new Error("disk full"))],
  ])("and %s changes no call, and is told", async (_, write) => {
    const told = vi.fn<(event: object) => void>();
    const off = registry.on("hook.failed", told);
    const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), { name: "crm" });
    logEvents(policy, { error: write, warn: write, info: write, debug: write });
    const error = new Error("down");
    expect(await rejectionOf(policy.execute(() => Promise.reject(error)))).toBe(error);
    await rejectionOf(policy.execute(works));
    await rejectionOf(policy.execute(works));
    await clock.advance(PAST_OPENING_MS + 20_000);
    off();
    expect(told.mock.calls.length).toBeGreaterThanOrEqual(3);
    expect(told.mock.calls[0]).toMatchObject([
      { policy: "crm", hook: "listener", error: { message: "disk full" } },
    ]);
  });
});
