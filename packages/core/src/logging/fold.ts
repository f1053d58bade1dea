import type { ResilienceEvent } from "../events/catalog.js";
import { type Clock, clock, type Timer } from "../time/clock.js";

/** An event to be said: for itself, or for the `repeats` that have happened in `overMs` since it was said last. */
export interface Folded {
  readonly event: ResilienceEvent;
  readonly repeats: number;
  readonly overMs: number;
}

const LOOKS_PER_FOLD = 4;

/**
 * Says what happens once, and what happens again within `foldMs` later, with its number: when the time is over, or
 * before something new is said of the same policy and key. What is said of one policy and key stays in its order.
 */
export class Fold {
  readonly #foldMs: number;
  readonly #say: (folded: Folded) => void;
  /** Called before the fold looks for what is due, so that it can hear what others still hold back. */
  readonly #catchUp: () => void;
  readonly #stories = new Map<string, Story>();
  #timer: { readonly of: Clock; readonly timer: Timer } | undefined;

  constructor(foldMs: number, say: (folded: Folded) => void, catchUp: () => void) {
    this.#foldMs = foldMs;
    this.#say = say;
    this.#catchUp = catchUp;
  }

  add(event: ResilienceEvent): void {
    const about = JSON.stringify([event.policy, "key" in event ? event.key : undefined]);
    const story = this.#stories.get(about) ?? new Story();
    this.#stories.set(about, story);
    for (const folded of story.add(event, clock.now(), this.#foldMs)) this.#say(folded);
    // A timer of another clock may never fire.
    if (this.#timer?.of !== clock) this.#lookLater();
  }

  /** All that has not been said yet. */
  flush(): void {
    this.#catchUp();
    const nowMs = clock.now();
    for (const story of this.#stories.values()) this.#sayAll(story.pending(nowMs));
  }

  end(): void {
    this.flush();
    if (this.#timer !== undefined) this.#timer.of.clearTimer(this.#timer.timer);
    this.#stories.clear();
  }

  #lookLater(): void {
    const ms = Math.max(1, Math.ceil(this.#foldMs / LOOKS_PER_FOLD));
    this.#timer = { of: clock, timer: clock.setBackgroundTimer(() => this.#look(), ms) };
  }

  #look(): void {
    this.#timer = undefined;
    this.#catchUp();
    const nowMs = clock.now();
    for (const [about, story] of this.#stories) {
      this.#sayAll(story.due(nowMs, this.#foldMs));
      if (story.isOver(nowMs, this.#foldMs)) this.#stories.delete(about);
    }
    if (this.#stories.size > 0 && this.#timer === undefined) this.#lookLater();
  }

  #sayAll(all: readonly Folded[]): void {
    for (const folded of all) this.#say(folded);
  }
}

/** What has been said of one policy and key, and what has been counted since. */
class Story {
  /** In the order in which they happened last. */
  readonly #kinds = new Map<string, Kind>();

  /** What there is to say now. */
  add(event: ResilienceEvent, nowMs: number, foldMs: number): readonly Folded[] {
    const kind = kindOf(event);
    const known = this.#kinds.get(kind);
    this.#kinds.delete(kind);
    if (known !== undefined && nowMs - known.saidMs < foldMs) {
      const repeats = known.repeats + timesOf(event);
      this.#kinds.set(kind, { event, repeats, saidMs: known.saidMs });
      return [];
    }
    const before = this.pending(nowMs);
    // Its own repeats end here: this one is the last of them.
    const repeats = known === undefined || known.repeats === 0 ? 0 : known.repeats + timesOf(event);
    const overMs = nowMs - (known?.saidMs ?? nowMs);
    this.#kinds.set(kind, { event, repeats: 0, saidMs: nowMs });
    return [...before, summedUp({ event, repeats, overMs })];
  }

  due(nowMs: number, foldMs: number): readonly Folded[] {
    const isDue = [...this.#kinds.values()].some(
      ({ repeats, saidMs }) => repeats > 0 && nowMs - saidMs >= foldMs,
    );
    return isDue ? this.pending(nowMs) : [];
  }

  /** All of it at once, so that what is said last is what happened last. */
  pending(nowMs: number): readonly Folded[] {
    const counted = [...this.#kinds].filter(([, { repeats }]) => repeats > 0);
    return counted.map(([name, kind]) => {
      this.#kinds.set(name, { ...kind, repeats: 0, saidMs: nowMs });
      return summedUp({ ...kind, overMs: nowMs - kind.saidMs });
    });
  }

  isOver(nowMs: number, foldMs: number): boolean {
    for (const [name, { saidMs }] of this.#kinds)
      if (nowMs - saidMs >= foldMs) this.#kinds.delete(name);
    return this.#kinds.size === 0;
  }
}

interface Kind {
  readonly event: ResilienceEvent;
  readonly repeats: number;
  readonly saidMs: number;
}

/** Beside its type, what tells one event of a policy from another. */
const TELLING = ["mode", "cohort", "guard", "code", "by", "hook", "errorName"] as const;

function kindOf(event: ResilienceEvent): string {
  const fields = event as Partial<Record<(typeof TELLING)[number], string>>;
  return JSON.stringify([event.type, ...TELLING.map((name) => fields[name])]);
}

/** Refusals come with their number. */
function timesOf(event: ResilienceEvent): number {
  return event.type === "call.refused" ? event.count : 1;
}

function summedUp({ event, repeats, overMs }: Folded): Folded {
  const summed =
    event.type === "call.refused" && repeats > 0 ? { ...event, count: repeats } : event;
  return { event: summed, repeats, overMs };
}
