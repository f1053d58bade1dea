/* oxlint-disable vitest/no-conditional-expect, vitest/no-standalone-expect -- random schedules, and models that expect */
import {
  bulkhead,
  type BulkheadOptions,
  circuitBreaker,
  deadline,
  explainError,
  type Policy,
  type PolicyPart,
  resilient,
  retry,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { eventLog, hangs, returns, scriptedTask } from "@breakwater/core/testing";
import fc from "fast-check";
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Room } from "../src/guards/bulkhead/room.js";
import { type Pass, Refusal, Waiter } from "../src/guards/guard.js";
import { JUDGED } from "../src/verdicts/verdict.js";
import type { CircuitBreaker } from "../src/parts/circuit-breaker.js";
import { type Clock, useClock } from "../src/time/clock.js";
import { HandTime } from "./support/hand-time.js";
import { compiledFor } from "./support/laws/drivers.js";
import { hold } from "./support/laws/hold.js";
import { call as anyCall, type CallSpec } from "./support/laws/schedule.js";
import { lawRuns } from "./support/laws/seed.js";
import { inWorld, type World } from "./support/laws/world.js";
import { fails, rejectionOf, works } from "./regressions/fixtures.js";
import { clock, useVirtualClock } from "./support/virtual-clock.js";

const runs = lawRuns("a queue is first in, first out, and leaks nothing");

useVirtualClock();

const patient = { attemptTimeoutMs: undefined, mostWaitMs: Infinity };
const once = retry({ maxAttempts: 1 });
const seatsOf = (options: Partial<BulkheadOptions> = {}) =>
  bulkhead({ limit: 1, queueLimit: 100, queueWaitMs: 1_000, name: "seats", ...options });

/** Calls that note when their task begins, and in which order. */
class Line {
  readonly begun: number[] = [];
  readonly settled: unknown[] = [];
  readonly #policy: Policy;

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  join(name: number, signal?: AbortSignal): void {
    const task = scriptedTask(returns(name, { afterMs: 10 }));
    this.#policy
      .execute((call) => (this.begun.push(name), task(call)), { signal })
      .then(
        (value) => this.settled.push(value),
        (error: unknown) => this.settled.push(error),
      );
  }
}

async function open(breaker: CircuitBreaker): Promise<void> {
  const policy = resilient(breaker, once);
  while (breaker.state() !== "open") await rejectionOf(policy.execute(fails));
}

describe.each(["direct", "drive"] as const)("a bulkhead with a queue (%s)", (driver) => {
  const policyOf = (...parts: PolicyPart[]): Policy =>
    compiledFor(driver, () => resilient({ name: "crm" }, ...parts));

  it("lets calls in in the order in which they came", async () => {
    const line = new Line(policyOf(seatsOf({ limit: 2 })));
    for (let name = 1; name <= 9; name++) line.join(name);
    expect(line.begun).toEqual([1, 2]);
    await clock.advance(100);
    expect(line.begun).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(line.settled).toEqual(line.begun);
  });

  it("lets nobody overtake: who comes in the turn in which a permit is freed waits behind those who wait", async () => {
    const line = new Line(policyOf(seatsOf()));
    line.join(1);
    line.join(2);
    line.join(3);
    const late = new Promise((resolve) => setImmediate(resolve)).then(() => line.join(4));
    await clock.advance(10);
    await late;
    line.join(5);
    await clock.advance(100);
    expect(line.begun).toEqual([1, 2, 3, 4, 5]);
  });

  it("gives a permit that abandoned work gives up to the first in line, not to who asks", async () => {
    const seats = seatsOf({ abandonMs: 100 });
    const stuck = resilient(seats, timeout(10), once);
    void rejectionOf(stuck.execute(scriptedTask(hangs({ deaf: true }))));
    await clock.advance(10);
    const line = new Line(policyOf(seats));
    line.join(1);
    await clock.advance(100);
    line.join(2);
    await clock.advance(100);
    expect(line.begun).toEqual([1, 2]);
  });

  it("refuses with ERR_BULKHEAD_FULL who would be one too many in line", async () => {
    const policy = policyOf(seatsOf({ queueLimit: 2 }));
    const end = hold(policy);
    const waiting = [policy.execute(works), policy.execute(works)];
    expect(await rejectionOf(policy.execute(works))).toMatchObject({
      code: "ERR_BULKHEAD_FULL",
      policy: "crm",
      guard: "seats",
      message:
        "crm refused the call: bulkhead seats is full: 1 attempt is running, and 2 calls wait. The task did not run.",
    });
    await end();
    expect(await Promise.all(waiting)).toEqual(["fine", "fine"]);
  });

  it("refuses with ERR_QUEUE_TIMEOUT who has waited for queueWaitMs, and not sooner", async () => {
    const seats = seatsOf();
    const policy = policyOf(seats);
    const events = eventLog(policy, "call.refused");
    const end = hold(policy);
    const task = scriptedTask(returns("late"));
    const settled = rejectionOf(policy.execute(task));
    await clock.advance(999);
    expect(seats.queued).toBe(1);
    await clock.advance(1);
    expect(seats.queued).toBe(0);
    expect(await settled).toMatchObject({
      code: "ERR_QUEUE_TIMEOUT",
      isRefusal: true,
      policy: "crm",
      guard: "seats",
      message:
        "crm refused the call: bulkhead seats had no room within 1 s (limit 1). The task did not run.",
    });
    expect(events).toMatchObject([{ code: "ERR_QUEUE_TIMEOUT", guard: "seats" }]);
    await end();
    expect(task.runs).toEqual([]);
    expect(seats.inFlight).toBe(0);
  });

  it("lets in who has waited for permits that were abandoned meanwhile, though nobody else has asked", async () => {
    const seats = seatsOf({ abandonMs: 100 });
    const stuck = resilient(seats, timeout(10), once);
    void rejectionOf(stuck.execute(scriptedTask(hangs({ deaf: true }))));
    expect(await clock.run(policyOf(seats).execute(works))).toBe("fine");
  });

  it("rejects at once with the caller's reason who gives up in line, and frees the place", async () => {
    const seats = seatsOf({ queueLimit: 1 });
    const policy = policyOf(seats);
    const end = hold(policy);
    const abort = new AbortController();
    const task = scriptedTask(returns("not wanted"));
    const settled = rejectionOf(policy.execute(task, { signal: abort.signal }));
    abort.abort("enough");
    expect(seats.queued).toBe(0);
    const next = policy.execute(works);
    expect(await settled).toBe("enough");
    await end();
    expect(await next).toBe("fine");
    expect(task.runs).toEqual([]);
  });

  it("passes on the permit of who gives up in the very tick in which it is granted", async () => {
    const seats = seatsOf({ limit: 1 });
    const policy = policyOf(seats);
    const end = hold(policy);
    const abort = new AbortController();
    const granted = rejectionOf(policy.execute(works, { signal: abort.signal }));
    const next = policy.execute(works);
    seats.retune({ limit: 2, queueLimit: 100 });
    expect(seats).toMatchObject({ inFlight: 2, queued: 1 });
    abort.abort("enough");
    expect(seats).toMatchObject({ inFlight: 2, queued: 0 });
    expect(await granted).toBe("enough");
    expect(await next).toBe("fine");
    await end();
    expect(seats).toMatchObject({ inFlight: 0, queued: 0 });
  });

  it("asks the breaker again when a call leaves the line: an opened circuit refuses it, and its permit goes back", async () => {
    const seats = seatsOf();
    const breaker = circuitBreaker({ consecutiveFailures: 2, openMs: "1h", maxOpenMs: "1h" });
    const policy = policyOf(breaker, seats);
    const end = hold(policy);
    const task = scriptedTask(returns("not wanted"));
    const waiting = [rejectionOf(policy.execute(task)), rejectionOf(policy.execute(task))];
    await open(breaker);
    await end();
    for (const error of await Promise.all(waiting))
      expect(error).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
    expect(task.runs).toEqual([]);
    expect(seats).toMatchObject({ inFlight: 0, queued: 0 });
    expect(breaker.state()).toBe("open");
  });

  it("never lets a probe wait: it is refused, and its slot is free again", async () => {
    const seats = seatsOf();
    const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: 100, probes: 1 });
    await open(breaker);
    await clock.advance(200);
    const end = hold(policyOf(seats));
    const policy = policyOf(breaker, seats);
    expect(await rejectionOf(policy.execute(works))).toMatchObject({ code: "ERR_BULKHEAD_FULL" });
    expect(seats.queued).toBe(0);
    await end();
    expect(await policy.execute(works)).toBe("fine");
    expect(breaker.state()).toBe("closed");
  });

  it("lets a call that becomes a probe while it waits run under the permit that it got", async () => {
    const seats = seatsOf({ queueWaitMs: "1h" });
    const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: 100, probes: 1 });
    const policy = policyOf(breaker, seats);
    const end = hold(policy);
    const waiting = policy.execute(works);
    await open(breaker);
    await clock.advance(200);
    await end();
    expect(await waiting).toBe("fine");
    expect(breaker.state()).toBe("closed");
    expect(seats.inFlight).toBe(0);
  });

  it("waits no longer than a deadline allows, whose error it then gets", async () => {
    const seats = seatsOf({ queueWaitMs: "1h" });
    const policy = policyOf(seats);
    const end = hold(policy);
    const beganMs = clock.nowMs;
    const task = scriptedTask(returns("late"));
    const settled = rejectionOf(policy.execute(task, { deadlineMs: 200 }));
    expect(await clock.run(settled)).toMatchObject({
      code: "ERR_DEADLINE_EXCEEDED",
      message: "crm: the deadline of 200 ms is over; the task did not run.",
    });
    expect(clock.nowMs - beganMs).toBeLessThanOrEqual(200);
    await end();
    expect(task.runs).toEqual([]);
    expect(seats).toMatchObject({ inFlight: 0, queued: 0 });
  });

  it("lets waiting calls in when it is given a higher limit, and no more than that", async () => {
    const seats = seatsOf();
    const line = new Line(policyOf(seats));
    for (let name = 1; name <= 6; name++) line.join(name);
    seats.retune({ limit: 3, queueLimit: 100 });
    await clock.advance(0);
    expect(line.begun).toEqual([1, 2, 3]);
    seats.retune({ limit: 1, queueLimit: 0 });
    await clock.advance(10);
    expect(line.begun).toEqual([1, 2, 3, 4]);
    await clock.advance(100);
    expect(line.settled).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("starts each task in a turn of its own: 20,000 that throw synchronously overflow no stack", async () => {
    const seats = seatsOf({ queueLimit: 20_000 });
    const policy = policyOf(seats);
    const end = hold(policy);
    let ran = 0;
    const thrown = (): never => {
      ran++;
      throw new TypeError("at once");
    };
    const calls = Array.from({ length: 20_000 }, () => rejectionOf(policy.execute(thrown)));
    await end();
    const errors = await Promise.all(calls);
    expect(errors.every((error) => error instanceof TypeError)).toBe(true);
    expect(ran).toBe(20_000);
    expect(seats).toMatchObject({ inFlight: 0, queued: 0 });
  });

  it("does not begin what waits inside of what ends", async () => {
    const policy = policyOf(seatsOf());
    const told: string[] = [];
    const end = hold(policy);
    const waiting = policy.execute(() => void told.push("begins"));
    void Promise.resolve().then(() => told.push("a turn later"));
    await end().then(() => told.push("has ended"));
    await waiting;
    expect(told[0]).toBe("a turn later");
  });

  it("keeps no listener on the signal of who has waited, however that ended", async () => {
    const seats = seatsOf({ queueLimit: 2 });
    const breaker = circuitBreaker({ consecutiveFailures: 1, openMs: "1h", maxOpenMs: "1h" });
    const policy = policyOf(breaker, seats);
    const { signal } = new AbortController();
    const listeners = () => getEventListeners(signal, "abort").length;
    const end = hold(policy);
    const served = policy.execute(works, { signal });
    expect(listeners()).toBe(1);
    await end();
    await served;
    expect(listeners()).toBe(0);
    const endAgain = hold(policy);
    const late = rejectionOf(policy.execute(works, { signal }));
    await clock.advance(1_000);
    await late;
    expect(listeners()).toBe(0);
    const refused = rejectionOf(policy.execute(works, { signal }));
    await open(breaker);
    await endAgain();
    expect(await refused).toMatchObject({ code: "ERR_CIRCUIT_OPEN" });
    expect(listeners()).toBe(0);
  });

  it("asks the key function of a call that waits once", async () => {
    let asked = 0;
    const policy = compiledFor(driver, () =>
      resilient(seatsOf(), { key: () => `key ${++asked}`, name: "crm" }),
    );
    const end = hold(policy);
    const waiting = policy.execute(({ key }) => key);
    expect(asked).toBe(2);
    await end();
    expect(await waiting).toBe("key 2");
  });

  it("has a line for each key where it is per key", async () => {
    const policy = policyOf(seatsOf({ perKey: true }));
    const task = scriptedTask(returns("fine", { afterMs: 10 }));
    const calls = [1, 2].map(() => policy.execute(task, { key: "a" }));
    expect(await policy.execute(works, { key: "b" })).toBe("fine");
    await clock.advance(0);
    expect(task.runs).toHaveLength(1);
    expect(await clock.run(Promise.all(calls))).toEqual(["fine", "fine"]);
  });

  it("refuses who waits when the policy is drained, also whom a permit has just been granted", async () => {
    const seats = seatsOf();
    const policy = policyOf(seats);
    const end = hold(policy);
    const other = resilient(seats);
    const waiting = [1, 2].map(() => rejectionOf(policy.execute(works)));
    const others = other.execute(works);
    seats.retune({ limit: 2, queueLimit: 100 });
    const drained = policy.drain({ graceMs: "1h" });
    for (const error of await Promise.all(waiting))
      expect(error).toMatchObject({ code: "ERR_DRAINING" });
    expect(await others).toBe("fine");
    await end();
    expect(await clock.run(drained)).toMatchObject({ waitsRefused: 2, finished: 1 });
    expect(seats).toMatchObject({ inFlight: 0, queued: 0 });
  });
});

const retryingIn = (queueWaitMs: number) => {
  const seats = seatsOf({ queueWaitMs });
  const budget = retryBudget({ ratio: 0, reserve: 3, reserveRefillMs: "1h" });
  const policy = resilient(seats, budget, retry({ maxAttempts: 2, baseMs: 100, jitter: "none" }));
  return { seats, budget, policy };
};

describe("a retry that has to wait in line", () => {
  it("runs when its turn has come", async () => {
    const { seats, policy, budget } = retryingIn(10_000);
    let ran = 0;
    const result = policy.execute(() => (++ran === 1 ? fails() : works()));
    await clock.advance(50);
    const end = hold(resilient(seats));
    await clock.advance(500);
    expect(seats.queued).toBe(1);
    await end();
    expect(await result).toBe("fine");
    expect(budget.available().reserve).toBe(2);
  });

  it("gets its token back when the line refuses it, and its caller gets the error that it has", async () => {
    const { seats, policy, budget } = retryingIn(300);
    const error = rejectionOf(policy.execute(fails));
    await clock.advance(50);
    const end = hold(resilient(seats));
    await clock.advance(349);
    expect(budget.available().reserve).toBe(2);
    await clock.advance(1);
    expect(await error).toMatchObject({ code: "ECONNRESET" });
    expect(explainError(await error)?.stoppedBy).toBe("refused");
    expect(budget.available().reserve).toBe(3);
    await end();
  });

  it("gets its token back when its caller gives up in line", async () => {
    const { seats, policy, budget } = retryingIn(10_000);
    const abort = new AbortController();
    const error = rejectionOf(policy.execute(fails, { signal: abort.signal }));
    await clock.advance(50);
    const end = hold(resilient(seats));
    await clock.advance(100);
    expect(seats.queued).toBe(1);
    abort.abort("enough");
    expect(await error).toBe("enough");
    expect(budget.available().reserve).toBe(3);
    expect(getEventListeners(abort.signal, "abort")).toEqual([]);
    await end();
  });

  it("gets its token back when the policy is drained", async () => {
    const { seats, policy, budget } = retryingIn(10_000);
    const error = rejectionOf(policy.execute(fails));
    await clock.advance(50);
    const end = hold(resilient(seats));
    await clock.advance(100);
    const drained = policy.drain();
    expect(await error).toMatchObject({ code: "ECONNRESET" });
    expect(await drained).toMatchObject({ retriesEnded: 1 });
    expect(budget.available().reserve).toBe(3);
    await end();
    expect(seats).toMatchObject({ inFlight: 0, queued: 0 });
  });

  it("does not begin when the attempt around its call has ended meanwhile", async () => {
    const seats = seatsOf({ queueWaitMs: "1h" });
    const outer = resilient(timeout(500), once);
    const inner = resilient(seats, retry({ baseMs: 100, jitter: "none" }));
    let ran = 0;
    const task = () => (ran++, fails());
    const error = rejectionOf(outer.execute(() => inner.execute(task)));
    await clock.advance(50);
    const end = hold(resilient(seats));
    await clock.advance(450);
    expect(await error).toMatchObject({ code: "ERR_ATTEMPT_TIMEOUT" });
    await end();
    await clock.advance(1_000);
    expect(ran).toBe(1);
    expect(seats).toMatchObject({ inFlight: 0, queued: 0 });
  });

  it("is cut short by the deadline of its call", async () => {
    const seats = seatsOf({ queueWaitMs: "1h" });
    const policy = resilient(seats, retry({ baseMs: 100, jitter: "none" }), deadline(300));
    const error = rejectionOf(policy.execute(fails));
    await clock.advance(50);
    const end = hold(resilient(seats));
    const beganMs = clock.nowMs;
    expect(explainError(await clock.run(error))?.stoppedBy).toBe("deadline");
    expect(clock.nowMs - beganMs).toBeLessThanOrEqual(250);
    await end();
  });
});

it("a line of 200,000 empties in linear time", () => {
  const rules = { limit: 1, queueLimit: 1_000_000, queueWaitMs: 1_000, abandonMs: 1_000 };
  const long = new Room({ name: "long", rules, abandoned: () => {} });
  for (let n = 0; n <= 200_000; n++) long.enter(patient);
  const beganMs = performance.now();
  while (long.inFlight > 0) long.exit();
  expect(performance.now() - beganMs).toBeLessThan(10_000);
});

/** A room on the level of its guard, where time and microtasks are numbers and lists: 100,000 schedules take seconds. */
class Hall {
  readonly rules = { limit: 2, queueLimit: 4, queueWaitMs: 4, abandonMs: 6 };
  readonly room = new Room({ name: "hall", rules: this.rules, abandoned: () => {} });
  /** In the order in which they joined the line. */
  readonly #line: Guest[] = [];
  #inside: Pass[] = [];
  #served = 0;
  readonly #time: HandTime;

  constructor(time: HandTime) {
    this.#time = time;
  }

  play(act: number): void {
    const { room, rules } = this;
    const which = act >> 4;
    const before = room.inFlight;
    switch (act & 15) {
      case 8:
      case 9:
      case 10:
        this.#leave(which);
        break;
      case 11:
        this.#giveUp(which);
        break;
      case 12:
        this.#time.go(1 + (which & 3));
        break;
      case 13:
        this.#time.tellAll();
        break;
      case 14:
        rules.limit = 1 + (which & 3);
        room.retuned();
        break;
      case 15:
        this.#overstay(which);
        break;
      default:
        this.#come(which);
    }
    must(room.inFlight <= Math.max(before, rules.limit), "nobody enters beyond the limit");
    must(room.queued === 0 || room.inFlight >= rules.limit, "nobody waits where there is room");
  }

  /** Everybody leaves, and whoever waits is served. */
  close(): void {
    this.#time.tellAll();
    while (this.#inside.length > 0) {
      this.#leave(0);
      this.#time.tellAll();
    }
    must(this.room.inFlight === 0 && this.room.queued === 0, "no permit is left behind");
    must(
      this.#line.every(({ isOver }) => isOver),
      "everybody is answered",
    );
    must(this.room.isPristine(), "it is as good as new");
    must(this.#time.timers === 0, "no timer is left behind");
  }

  #come(which: number): void {
    const mostWaitMs = which === 0 ? 0 : which < 4 ? which : Infinity;
    const answer = this.room.enter({ attemptTimeoutMs: undefined, mostWaitMs });
    if (answer instanceof Waiter) this.#wait(answer);
    else if (answer instanceof Refusal) must(answer.code === "ERR_BULKHEAD_FULL", answer.code);
    else {
      must(this.room.queued === 0, "nobody overtakes");
      this.#inside.push(answer);
    }
  }

  #wait(waiter: Waiter): void {
    const guest: Guest = { waiter, place: this.#line.length, isOver: false };
    this.#line.push(guest);
    waiter.ready = (answer) => {
      must(!guest.isOver, "everybody is told once");
      guest.isOver = true;
      if (answer instanceof Refusal) return must(answer.code === "ERR_QUEUE_TIMEOUT", answer.code);
      must(guest.place >= this.#served, "first in, first out");
      this.#served = guest.place;
      this.#inside.push(answer);
    };
  }

  #leave(which: number): void {
    const [pass] = this.#inside.splice(which % Math.max(1, this.#inside.length), 1);
    pass?.exit(JUDGED.success);
  }

  #overstay(which: number): void {
    const [pass] = this.#inside.splice(which % Math.max(1, this.#inside.length), 1);
    const left = pass?.outlive(JUDGED.timeout, undefined);
    if (left !== undefined) this.#inside.push(left);
  }

  /** Also who has been granted a permit and has not been told yet. */
  #giveUp(which: number): void {
    const waiting = this.#line.filter(({ isOver }) => !isOver);
    const guest = waiting[which % Math.max(1, waiting.length)];
    if (guest === undefined) return;
    guest.isOver = true;
    guest.waiter.giveUp();
  }
}

/** `expect` would take most of the time. */
function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`broken: ${what}`);
}

interface Guest {
  readonly waiter: Waiter;
  readonly place: number;
  isOver: boolean;
}

describe("100,000 random schedules", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("are served first in, first out, within the limit; everybody is answered, and nothing stays behind", () => {
    const acts = fc.uint8Array({ minLength: 6, maxLength: 32 });
    const property = fc.property(acts, (schedule) => {
      const time = new HandTime();
      vi.stubGlobal("queueMicrotask", (fn: () => void) => time.later(fn));
      useClock(time);
      const hall = new Hall(time);
      for (const act of schedule) hall.play(act);
      hall.close();
    });
    const own = clock as unknown as { readonly clock: Clock };
    try {
      fc.assert(property, { ...runs, numRuns: (runs.numRuns ?? 500) * 200 });
    } finally {
      useClock(own.clock);
    }
  });
});

describe.each(["direct", "drive"] as const)("random calls in line (%s)", (driver) => {
  beforeEach(() => clock.restore());

  it("begin in the order in which they came, within the limit; all settle, and nothing stays behind", async () => {
    const line = fc.record({
      limit: fc.integer({ min: 1, max: 3 }),
      queueLimit: fc.nat(6),
      queueWaitMs: fc.integer({ min: 1, max: 60 }),
    });
    const steps = fc.array(
      fc.oneof(
        { weight: 4, arbitrary: lineCall.map((spec) => ({ call: spec })) },
        { weight: 2, arbitrary: fc.nat(40).map((advanceMs) => ({ advanceMs })) },
        { weight: 1, arbitrary: line.map((to) => ({ retune: { part: "bulkhead" as const, to } })) },
      ),
      { minLength: 1, maxLength: 30 },
    );
    const property = fc.asyncProperty(line, steps, async (options, schedule) => {
      let { limit } = options;
      const world = await inWorld({ bulkhead: options }, driver, async (opened) => {
        for (const step of schedule) {
          const before = runningIn(opened);
          if ("retune" in step) ({ limit } = step.retune.to);
          await opened.play(step);
          const now = runningIn(opened);
          if (now > before) expect(now).toBeLessThanOrEqual(limit);
        }
        return opened;
      });
      expect(world.parts.bulkhead).toMatchObject({ inFlight: 0, queued: 0 });
      const begun = world.calls.flatMap(({ runs: ran }) => ran.map(({ beganMs }) => beganMs));
      expect(begun).toEqual(begun.toSorted((a, b) => a - b));
      for (const { settled, abort } of world.calls) {
        expect(settled).toBeDefined();
        if (abort !== undefined) expect(getEventListeners(abort.signal, "abort")).toEqual([]);
      }
    });
    await fc.assert(property, runs);
  });
});

const lineCall = anyCall.map((spec): CallSpec => {
  const ran = spec.runs.map((each) => ({ ...each, heedsAbort: false }));
  return { ...spec, runs: ran, key: undefined };
});

function runningIn(world: World): number {
  return world.calls.flatMap(({ runs: ran }) => ran).filter(({ ended }) => ended === undefined)
    .length;
}
