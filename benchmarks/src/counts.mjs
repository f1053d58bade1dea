import { createHook } from "node:async_hooks";
import { copyOfLoop, copyOfTask } from "./copies.mjs";
import { scenarioOf } from "./suites.mjs";

/** @typedef {() => Promise<unknown>} AsyncCall */

const CALLS = 2_000;

/**
 * What one call makes, beyond what the bare call makes. These numbers are the same on every machine.
 *
 * @param {{ suite: string, scenario: string }} job
 * @returns {Promise<import("./types.js").Counts[]>}
 */
export async function counts(job) {
  const scenario = await scenarioOf(job);
  const rows = [];
  for (const { name: contestant, make } of scenario.contestants) {
    if (make === undefined) continue;
    const { call } = make(copyOfTask(scenario.task));
    rows.push({ contestant, ...(await madePerCall(call)), ticks: await ticksToSettle(call) });
  }
  const [bare] = rows;
  return rows.slice(1).map((row) => ({
    ...row,
    promises: row.promises - (bare?.promises ?? 0),
    ticks: row.ticks - (bare?.ticks ?? 0),
  }));
}

/** In steady state: what is made once, or when calls begin to flow again, is made before we count. */
async function madePerCall(/** @type {AsyncCall} */ call) {
  const loop = copyOfLoop("oneByOne");
  await loop(call, CALLS);
  const made = { promises: 0, timers: 0, abortControllers: 0, clockReads: 0 };
  const uninstall = install(made);
  await loop(call, CALLS);
  uninstall();
  return {
    promises: Math.round(made.promises / CALLS),
    timers: made.timers / CALLS,
    abortControllers: made.abortControllers / CALLS,
    clockReads: made.clockReads / CALLS,
  };
}

/**
 * Timers are counted by Node itself, not by replacing `setTimeout`: nobody can have kept the original, and nobody can
 * take the replacement for the fake timers of a test.
 *
 * @param {{ promises: number, timers: number, abortControllers: number, clockReads: number }} made
 */
function install(made) {
  const hook = createHook({
    init(_id, type) {
      if (type === "PROMISE") made.promises++;
      else if (type === "Timeout" || type === "Immediate") made.timers++;
    },
  });
  const restore = [
    replace(globalThis, "AbortController", (Real) => countNew(Real, () => made.abortControllers++)),
    replace(globalThis, "Date", (Real) => countReads(Real, () => made.clockReads++)),
    replace(performance, "now", (now) => () => {
      made.clockReads++;
      return now.call(performance);
    }),
    replace(process.hrtime, "bigint", (bigint) => () => {
      made.clockReads++;
      return bigint();
    }),
  ];
  hook.enable();
  return () => {
    hook.disable();
    for (const undo of restore) undo();
  };
}

/**
 * @template {object} T
 * @template {keyof T} K
 * @param {T} owner
 * @param {K} name
 * @param {(original: T[K]) => T[K]} make
 */
function replace(owner, name, make) {
  const original = owner[name];
  owner[name] = make(original);
  return () => void (owner[name] = original);
}

/**
 * @template {new () => object} C
 * @param {C} Class
 * @param {() => void} count
 */
function countNew(Class, count) {
  return new Proxy(Class, {
    construct(target, args, newTarget) {
      count();
      return Reflect.construct(target, args, newTarget);
    },
  });
}

/**
 * @param {DateConstructor} RealDate
 * @param {() => void} count
 */
function countReads(RealDate, count) {
  return new Proxy(RealDate, {
    construct(target, args, newTarget) {
      if (args.length === 0) count();
      return Reflect.construct(target, args, newTarget);
    },
    get(target, property, receiver) {
      if (property === "now") count();
      return Reflect.get(target, property, receiver);
    },
  });
}

/** @returns {Promise<number>} How many turns of the microtask queue it takes until the caller goes on. */
function ticksToSettle(/** @type {AsyncCall} */ call) {
  return new Promise((resolve, reject) => {
    let ticks = 0;
    let settled = false;
    call().then(() => (settled = true), reject);
    const tick = () => {
      if (settled) return resolve(ticks);
      ticks++;
      queueMicrotask(tick);
    };
    queueMicrotask(tick);
  });
}
