/**
 * Time, as the rest of the library sees it: monotonic milliseconds as integers for durations, wall time only for what
 * is stored or shown. Everything asks `clock`, so that one `useClock` puts every policy of the process on another time.
 */
export interface Clock {
  /** How far `now()` may lag behind the true time. Whoever must not be early adds it. */
  readonly stalenessMs: number;
  /** The time of the last refresh: costs a field read. */
  now(): number;
  /** The true time: costs a system call. */
  read(): number;
  wallMs(): number;
  /** The machine's own monotonic time, comparable between processes that share `bootId`. */
  boot(): { readonly bootId: string; readonly bootMs: number };
  setTimer(fn: () => void, ms: number): Timer;
  /** One that keeps no process alive. */
  setBackgroundTimer(fn: () => void, ms: number): Timer;
  clearTimer(timer: Timer | undefined): void;
  /** Runs `fn` once the input that already waits in the sockets has been handled. */
  afterInput(fn: () => void): void;
  /** Whether a ticker is running that will tidy up by itself. */
  readonly ticking: boolean;
  /** There is something to tidy up. */
  wake(): void;
}

/** What `setTimer` returned; only `clearTimer` of the same clock knows what it is. */
export type Timer = object;

/** Holds waits that were stamped with `now()`: told when that stamp turns out stale, and when it is time to let go. */
export interface Sleeper {
  restart(staleMs: number, nowMs: number): void;
  rest(): void;
  /** The process changes its clock: let go of the timer of the old one, then take one of the new. */
  suspend(): void;
  resume(): void;
}

const sleepers = new Set<Sleeper>();
export const sleepersOf = {
  add: (sleeper: Sleeper): void => void sleepers.add(sleeper),
  remove: (sleeper: Sleeper): void => void sleepers.delete(sleeper),
  restart: (staleMs: number, nowMs: number): void => {
    for (const sleeper of sleepers) sleeper.restart(staleMs, nowMs);
  },
  rest: (): void => {
    for (const sleeper of sleepers) sleeper.rest();
  },
};

export let clock: Clock;

/** Puts the whole process on another clock, which must go on from where the old one is. */
export function useClock(next: Clock): void {
  const waiting = [...sleepers];
  for (const sleeper of waiting) sleeper.suspend();
  clock = next;
  for (const sleeper of waiting) sleeper.resume();
}
