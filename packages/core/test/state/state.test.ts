import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  circuitBreaker,
  type CircuitBreaker,
  type EventOf,
  type Policy,
  registry,
  type RegistrySnapshot,
  Resilient,
  resilient,
  retry,
  type RetryBudget,
  retryBudget,
} from "@breakwater/core";
import { loadState, saveState } from "@breakwater/core/state";
import { resetState } from "@breakwater/core/testing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rejectionOf, reset } from "../regressions/fixtures.js";
import { clock, useVirtualClock } from "../support/virtual-clock.js";

const HOUR_MS = 3_600_000;

useVirtualClock();
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "state-"));
  path = join(folder, "state.json");
});
afterEach(() => {
  resetState();
  rmSync(folder, { recursive: true, force: true });
});

interface Job {
  readonly policy: Policy;
  readonly breaker: CircuitBreaker;
  readonly budget: RetryBudget;
}

let jobs = 0;

/** A name that no other test has. */
const newName = (): string => `job-${++jobs}`;

function jobNamed(name: string): Job {
  const breaker = circuitBreaker({ consecutiveFailures: 2, openMs: "10s", maxOpenMs: "10s" });
  const budget = retryBudget({ ratio: 0.5, reserve: 3, reserveRefillMs: "30s" });
  return { breaker, budget, policy: resilient(breaker, budget, retry({ baseMs: 0 }), { name }) };
}

/** A policy whose circuit is open, that has one token less in its reserve, and credit for some retries. */
async function inTrouble(): Promise<Job & { readonly name: string }> {
  const name = newName();
  const job = jobNamed(name);
  for (let n = 0; n < 20; n++) await job.policy.execute(() => "fine");
  await clock.advance(20_000); // that credit has lapsed
  await rejectionOf(job.policy.execute(() => Promise.reject(reset())));
  expect(job.breaker.state()).toBe("open");
  return { ...job, name };
}

/** As it is in the next process: made anew, with the state of the one before. */
function goOn(name: string, snapshot: RegistrySnapshot): Job {
  const { [name]: part } = snapshot.policies;
  registry.restore({ ...snapshot, policies: {} });
  const job = jobNamed(name);
  if (part !== undefined) job.policy.restore(part);
  return job;
}

const copyOf = (snapshot: RegistrySnapshot): RegistrySnapshot =>
  JSON.parse(JSON.stringify(snapshot)) as RegistrySnapshot;

function fromAnotherBoot(snapshot: RegistrySnapshot): RegistrySnapshot {
  return JSON.parse(
    JSON.stringify(snapshot).replaceAll(/"bootId":"[^"]*"/g, '"bootId":"another boot"'),
  ) as RegistrySnapshot;
}

const isLetThrough = async ({ policy }: Job): Promise<boolean> =>
  policy.execute(() => true).catch(() => false);

describe("a restored circuit", () => {
  it.each([
    ["the same boot", copyOf, 0],
    ["the same boot, the clock an hour forward", copyOf, HOUR_MS],
    ["the same boot, the clock an hour back", copyOf, -HOUR_MS],
    ["another boot", fromAnotherBoot, 0],
    ["another boot, the clock an hour forward", fromAnotherBoot, HOUR_MS],
    ["another boot, the clock an hour back", fromAnotherBoot, -HOUR_MS],
  ])("in %s is never stuck open, and gives no free burst", async (_, asRead, jumpMs) => {
    const { name, budget } = await inTrouble();
    const before = budget.available();
    const snapshot = asRead(registry.snapshot());
    clock.wallMs += jumpMs;
    const job = goOn(name, snapshot);
    const after = job.budget.available();
    expect(after.reserve).toBeLessThanOrEqual(before.reserve);
    expect(after.credit).toBeLessThanOrEqual(before.credit);
    expect(await isLetThrough(job)).toBe(asRead === fromAnotherBoot && jumpMs > 0);
    await clock.advance(10_000);
    expect(await isLetThrough(job)).toBe(true);
  });

  it("in the same boot goes on to the millisecond, whatever the wall clock shows", async () => {
    const { name } = await inTrouble();
    const snapshot = copyOf(registry.snapshot());
    clock.wallMs += HOUR_MS;
    const circuit = snapshot.policies[name]?.circuits?.[""];
    const leftMs = circuit !== undefined && "leftMs" in circuit ? circuit.leftMs : 0;
    await clock.advance(leftMs - 1);
    expect(await isLetThrough(goOn(name, snapshot))).toBe(false);
    await clock.advance(1);
    expect(await isLetThrough(goOn(name, snapshot))).toBe(true);
  });

  it("after a reboot has no credit, which may have lapsed", async () => {
    const name = newName();
    const { policy, budget } = jobNamed(name);
    for (let n = 0; n < 100; n++) await policy.execute(() => "fine");
    expect(budget.available().credit).toBe(50);
    const snapshot = registry.snapshot();
    expect(goOn(name, copyOf(snapshot)).budget.available().credit).toBe(50);
    expect(goOn(name, fromAnotherBoot(snapshot)).budget.available()).toEqual({
      credit: 0,
      reserve: 3,
    });
  });
});

describe("a snapshot of the registry", () => {
  it("has the policies that have a name of their own, also one like __proto__, and is plain JSON", async () => {
    const named = [jobNamed(newName()), jobNamed("__proto__")];
    const unnamed = resilient(circuitBreaker());
    const snapshot = copyOf(registry.snapshot());
    expect(Object.keys(snapshot.policies)).toEqual(
      expect.arrayContaining(named.map(({ policy }) => policy.name)),
    );
    expect(Object.keys(snapshot.policies)).not.toContain(unnamed.name);
    expect(({} as { version?: number }).version).toBeUndefined();
  });

  it("is restored to the policies that are there, and says so", async () => {
    const { name, policy, breaker } = await inTrouble();
    const snapshot = copyOf(registry.snapshot());
    breaker.reset();
    expect(registry.restore(snapshot).restored).toContain(name);
    expect(breaker.state()).toBe("open");
    expect(policy.name).toBe(name);
  });

  it("awaits policies that are made later, once, and keeps what it holds for them", async () => {
    const name = "Nightly.send";
    const part = (await inTrouble()).policy.snapshot();
    const given = { version: 1, takenAt: 0, policies: { [name]: part } } as RegistrySnapshot;
    expect(registry.restore(given).awaited).toEqual([name]);
    expect(registry.snapshot().policies[name]).toEqual(part);

    class Nightly {
      @Resilient(circuitBreaker({ consecutiveFailures: 2 }))
      async send(): Promise<string> {
        return "sent";
      }
    }
    expect(await rejectionOf(new Nightly().send())).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
    const second = resilient(circuitBreaker(), { name });
    expect(await second.execute(() => "clean")).toBe("clean");
  });

  it("leaves policies that have the same name alone, and tells both", async () => {
    const name = newName();
    const twins = [jobNamed(name), jobNamed(name)];
    const heard: string[] = [];
    for (const { policy } of twins)
      policy.on("state.discarded", ({ reason }) => void heard.push(reason));
    expect(registry.snapshot().policies[name]).toBeUndefined();
    const part = jobNamed(newName()).policy.snapshot();
    const report = registry.restore({ version: 1, takenAt: 0, policies: { [name]: part } });
    expect(report.discarded).toMatchObject([{ policy: name }]);
    await clock.advance(0);
    expect(heard).toHaveLength(2);
  });

  it("with a part that makes no sense discards that part, tells it, and restores the others", async () => {
    const { name, breaker } = await inTrouble();
    const other = jobNamed(newName());
    const heard: EventOf<"state.discarded">[] = [];
    other.policy.on("state.discarded", (event) => void heard.push(event));
    const snapshot = copyOf(registry.snapshot());
    const spoilt = { ...snapshot.policies, [other.policy.name]: { version: 2 } } as never;
    breaker.reset();
    const report = registry.restore({ ...snapshot, policies: spoilt });
    expect(report.restored).toContain(name);
    expect(report.discarded).toMatchObject([{ policy: other.policy.name }]);
    await clock.advance(0);
    expect(heard).toMatchObject([{ policy: other.policy.name, severity: "warning" }]);
  });

  it.each([undefined, null, 1, [], {}, { version: 2, policies: {} }, { version: 1, policies: [] }])(
    "refuses what is none: %j",
    (snapshot) => {
      expect(() => registry.restore(snapshot as never)).toThrow(
        expect.objectContaining({ code: "ERR_INVALID_SPEC" }),
      );
    },
  );
});

describe("a state file", () => {
  it("is written whole, for this user alone, and leaves nothing beside it", async () => {
    await inTrouble();
    await saveState(path);
    await saveState(path);
    expect(readdirSync(folder)).toEqual(["state.json"]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ version: 1 });
  });

  it("brings a process on where the one before was", async () => {
    const { name, breaker } = await inTrouble();
    await saveState(path);
    breaker.reset();
    expect(await loadState(path)).toMatchObject({
      file: "loaded",
      restored: expect.arrayContaining([name]) as unknown,
    });
    expect(breaker.state()).toBe("open");
  });

  it("that is not there yet is no trouble", async () => {
    expect(await loadState(path)).toEqual({
      file: "missing",
      restored: [],
      awaited: [],
      discarded: [],
    });
  });

  it("cut at any byte starts everybody clean, and says so", async () => {
    const { name, breaker, budget } = await inTrouble();
    const { [name]: part } = registry.snapshot().policies;
    const text = JSON.stringify({ version: 1, takenAt: 0, policies: { [name]: part } });
    for (let length = 0; length < text.length; length++) {
      breaker.reset();
      budget.reset();
      writeFileSync(path, text.slice(0, length));
      const { file, reason } = await loadState(path);
      expect([file, typeof reason]).toEqual(["discarded", "string"]);
      expect([breaker.state(), budget.available().reserve]).toEqual(["closed", 3]);
    }
    writeFileSync(path, text);
    expect((await loadState(path)).restored).toEqual([name]);
    expect(breaker.state()).toBe("open");
  });

  it("that is discarded is told to every named policy", async () => {
    const { policy } = jobNamed(newName());
    const heard: string[] = [];
    policy.on("*", ({ type }) => void heard.push(type));
    writeFileSync(path, "{");
    await loadState(path);
    await clock.advance(0);
    expect(heard).toEqual(["state.discarded"]);
  });

  it("with any byte changed never throws, sticks, or gives more than there was", async () => {
    const { name } = await inTrouble();
    const { [name]: part } = registry.snapshot().policies;
    const text = Buffer.from(
      JSON.stringify({ version: 1, takenAt: 0, policies: { [name]: part } }),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.nat(255), async (at, byte) => {
        resetState();
        const spoilt = Buffer.from(text);
        spoilt[at] = byte;
        writeFileSync(path, spoilt);
        await loadState(path);
        const job = jobNamed(name);
        expect(job.budget.available().reserve).toBeLessThanOrEqual(3);
        await clock.advance(10_000);
        expect(await isLetThrough(job)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    [
      "of a version to come",
      (at: string): void => writeFileSync(at, '{"version":2,"policies":{}}'),
    ],
    ["that is a folder", (at: string): void => mkdirSync(at)],
  ])("%s is discarded, with the reason", async (_, put) => {
    put(path);
    expect(await loadState(path)).toMatchObject({
      file: "discarded",
      reason: expect.any(String) as unknown,
    });
  });

  it("that cannot be written leaves the old one, and the error is the caller's", async () => {
    await expect(saveState(join(folder, "nowhere", "state.json"))).rejects.toMatchObject({
      code: "ENOENT",
    });
    expect(existsSync(path)).toBe(false);
    mkdirSync(path);
    await expect(saveState(path)).rejects.toBeDefined();
    expect(readdirSync(folder)).toEqual(["state.json"]);
  });
});
