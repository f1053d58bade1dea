import { createHook } from "node:async_hooks";

/** How many of each were made, or asked for. */
export interface Counts {
  promises: number;
  timers: number;
  abortControllers: number;
  clockReadings: number;
  wallReadings: number;
}

/**
 * Counts what `body` makes: promises by async_hooks, the rest by standing in for what makes them. Every event has a
 * wall time, so readings of the wall clock tell of events.
 */
export async function countingDuring(body: () => Promise<void>): Promise<Readonly<Counts>> {
  const counts: Counts = {
    promises: 0,
    timers: 0,
    abortControllers: 0,
    clockReadings: 0,
    wallReadings: 0,
  };
  const hook = createHook({ init: (_, type) => void (type === "PROMISE" && counts.promises++) });
  const { setTimeout, AbortController, Date, process, performance } = globalThis;
  const restore = [
    standIn(
      globalThis,
      "setTimeout",
      counting(setTimeout, () => counts.timers++),
    ),
    standIn(
      globalThis,
      "AbortController",
      counting(AbortController, () => counts.abortControllers++),
    ),
    standIn(
      performance,
      "now",
      counting(performance.now.bind(performance), () => counts.clockReadings++),
    ),
    standIn(
      process,
      "hrtime",
      counting(process.hrtime, () => counts.clockReadings++),
    ),
    standIn(
      Date,
      "now",
      counting(Date.now, () => counts.wallReadings++),
    ),
  ];
  hook.enable();
  try {
    await body();
  } finally {
    hook.disable();
    for (const putBack of restore) putBack();
  }
  return counts;
}

function counting<F extends object>(original: F, count: () => void): F {
  return new Proxy(original, {
    apply: (target, self, args) => (count(), Reflect.apply(target as never, self, args)),
    construct: (target, args, newTarget) => (
      count(),
      Reflect.construct(target as never, args, newTarget) as object
    ),
  });
}

function standIn<O extends object, K extends keyof O>(
  owner: O,
  name: K,
  substitute: O[K],
): () => void {
  const original = owner[name];
  owner[name] = substitute;
  return () => void (owner[name] = original);
}

/** How many microtask ticks later `call` settles than `reference`. */
export async function extraTicks(
  call: () => Promise<unknown>,
  reference: () => Promise<unknown>,
): Promise<number> {
  return (await ticksOf(call)) - (await ticksOf(reference));
}

/** Longer than any call of a test takes. */
const MOST_TICKS = 50;

async function ticksOf(call: () => Promise<unknown>): Promise<number> {
  let ticks = 0;
  const settledAt = call().then(
    () => ticks,
    () => ticks,
  );
  for (; ticks < MOST_TICKS; ticks++) await Promise.resolve();
  return settledAt;
}
