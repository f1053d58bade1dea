// Stands in for the event loop under the real clock of the library, which takes hold of what Node offers when it is
// loaded: import this file before it.

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setImmediate: globalThis.setImmediate,
  now: globalThis.performance.now.bind(globalThis.performance),
};

/** What `setTimeout` and `setImmediate` return: as much of it as anybody uses. */
class Handle {
  readonly fn: () => void;
  readonly ms: number;
  atMs: number;
  isPending = true;
  isRef = true;

  constructor(fn: () => void, ms: number) {
    this.fn = fn;
    this.ms = Math.max(1, Math.trunc(ms) || 1);
    this.atMs = Math.trunc(loop.nowMs) + this.ms;
  }

  ref(): this {
    this.isRef = true;
    return this;
  }

  unref(): this {
    this.isRef = false;
    return this;
  }

  refresh(): this {
    this.atMs = Math.trunc(loop.nowMs) + this.ms;
    this.isPending = true;
    timers.add(this);
    return this;
  }

  run(): void {
    this.isPending = false;
    this.fn();
  }
}

const timers = new Set<Handle>();
let immediates: Handle[] = [];
let arrivals: { readonly atMs: number; readonly fn: () => void }[] = [];

const fake = {
  setTimeout: (fn: () => void, ms = 1): Handle => {
    const handle = new Handle(fn, ms);
    timers.add(handle);
    return handle;
  },
  clearTimeout: (handle: Handle | undefined): void => {
    if (handle === undefined) return;
    handle.isPending = false;
    timers.delete(handle);
  },
  setImmediate: (fn: () => void): Handle => {
    const handle = new Handle(fn, 0);
    immediates.push(handle);
    return handle;
  },
  now: (): number => loop.nowMs,
};

/**
 * One event loop with its phases: timers that are due, then input that has arrived, then immediates; microtasks after
 * each. Time passes while it idles, and when somebody blocks it.
 */
export const loop = {
  nowMs: 1_000.5,

  /** Synchronous work: time passes, and nothing else happens. */
  block(ms: number): void {
    loop.nowMs += ms;
  },

  /** Input that comes to the socket in `ms`, whether or not the loop is free to read it then. */
  arrivesIn(ms: number, fn: () => void): void {
    arrivals.push({ atMs: loop.nowMs + ms, fn });
  },

  /** Would Node wait for something, or end the process? */
  get keepsProcessAlive(): boolean {
    return [...timers, ...immediates].some(({ isPending, isRef }) => isPending && isRef);
  },

  async run(ms: number): Promise<void> {
    const endMs = loop.nowMs + ms;
    await turn();
    for (let next = nextDueMs(); next <= endMs; next = nextDueMs()) {
      loop.nowMs = Math.max(loop.nowMs, next);
      await runDueTimers();
      await readInput();
      await runImmediates();
    }
    loop.nowMs = Math.max(loop.nowMs, endMs);
    await turn();
  },

  use(): void {
    install(fake as unknown as typeof real);
  },

  leave(): void {
    install(real);
  },
};

function nextDueMs(): number {
  if (immediates.length > 0) return loop.nowMs;
  return Math.min(
    Infinity,
    ...[...timers].map(({ atMs }) => atMs),
    ...arrivals.map(({ atMs }) => atMs),
  );
}

async function runDueTimers(): Promise<void> {
  const due = [...timers]
    .filter(({ atMs }) => atMs <= loop.nowMs)
    .toSorted((a, b) => a.atMs - b.atMs);
  for (const timer of due) {
    if (!timer.isPending) continue;
    timers.delete(timer);
    timer.run();
    await turn();
  }
}

async function readInput(): Promise<void> {
  const arrived = arrivals.filter(({ atMs }) => atMs <= loop.nowMs);
  arrivals = arrivals.filter(({ atMs }) => atMs > loop.nowMs);
  for (const { fn } of arrived) {
    fn();
    await turn();
  }
}

async function runImmediates(): Promise<void> {
  for (const immediate of immediates.splice(0)) {
    immediate.run();
    await turn();
  }
}

/** Empties the microtask queue. */
function turn(): Promise<void> {
  return new Promise((resolve) => void real.setImmediate(resolve));
}

function install({ setTimeout, clearTimeout, setImmediate, now }: typeof real): void {
  Object.assign(globalThis, { setTimeout, clearTimeout, setImmediate });
  globalThis.performance.now = now;
}

loop.use();
