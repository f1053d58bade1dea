import { clock } from "../time/clock.js";
import type { Judgement } from "../verdicts/verdict.js";
import { type Entrant, type Guard, Pass, Refusal } from "./guard.js";

export interface BulkheadRules {
  readonly limit: number;
  readonly abandonMs: number;
}

/** What the rooms of one bulkhead have in common. */
export interface RoomHome {
  readonly name: string;
  readonly rules: BulkheadRules;
  abandoned(room: Room, ranForMs: number): void;
}

/**
 * Bounds how many attempts run at once. A permit has no identity, so the room is its own pass: one counter, nothing
 * made per call. Only work that outlives its attempt gets a pass of its own.
 */
export class Room extends Pass implements Guard {
  readonly home: RoomHome;
  readonly key: string | undefined;
  inFlight = 0;
  readonly #full: Full;
  #overstays: Set<Overstay> | undefined;

  constructor(home: RoomHome, key?: string) {
    super();
    this.home = home;
    this.key = key;
    this.#full = new Full(home);
  }

  enter({ retained }: Entrant): Pass | Refusal {
    const own = retained?.find(
      (pass): pass is Overstay => pass instanceof Overstay && pass.lendIn(this),
    );
    if (own !== undefined) return own;
    if (this.inFlight >= this.home.rules.limit) this.#giveUpAbandoned();
    if (this.inFlight >= this.home.rules.limit) return this.#full;
    this.inFlight++;
    return this;
  }

  /** Permits come and go: nothing is certain. */
  wouldRefuse(): boolean {
    return false;
  }

  exit(): void {
    this.inFlight--;
  }

  /** The permit stays with the work, not with the attempt: the dependency is still busy. */
  override outlive(): Pass {
    const overstay = new Overstay(this);
    (this.#overstays ??= new Set()).add(overstay);
    return overstay;
  }

  isHeldBy(overstay: Overstay): boolean {
    return this.#overstays?.has(overstay) === true;
  }

  ended(overstay: Overstay): void {
    if (this.#overstays?.delete(overstay) === true) this.exit();
  }

  isPristine(): boolean {
    return this.inFlight === 0;
  }

  giveUpOverstays(): void {
    for (const overstay of this.#overstays ?? []) this.ended(overstay);
  }

  /** Found by the next who needs a permit: no timer. */
  #giveUpAbandoned(): void {
    const nowMs = clock.now();
    for (const overstay of this.#overstays ?? []) {
      const ranForMs = nowMs - overstay.sinceMs;
      if (ranForMs < this.home.rules.abandonMs) continue;
      this.ended(overstay);
      this.home.abandoned(this, ranForMs);
    }
  }
}

/**
 * The permit of work that goes on after its attempt has timed out. A retry of the same call runs under it too, so it
 * never waits for itself; the permit is free again when the last of them has ended.
 */
class Overstay extends Pass {
  readonly sinceMs: number = clock.now();
  readonly #room: Room;
  #holders = 1;

  constructor(room: Room) {
    super();
    this.#room = room;
  }

  override get once(): boolean {
    return true;
  }

  lendIn(room: Room): boolean {
    if (this.#room !== room || !room.isHeldBy(this)) return false;
    this.#holders++;
    return true;
  }

  exit(_judgement: Judgement): void {
    if (--this.#holders === 0) this.#room.ended(this);
  }

  override outlive(): Pass {
    return this;
  }
}

class Full extends Refusal {
  readonly code = "ERR_BULKHEAD_FULL";
  readonly #home: RoomHome;

  constructor(home: RoomHome) {
    super();
    this.#home = home;
  }

  /** Read late: a bulkhead without a name takes that of the first policy that uses it. */
  get guard(): string {
    return this.#home.name;
  }

  retryAfterMs(): number {
    return 0;
  }

  describe(): string {
    const { limit } = this.#home.rules;
    return `bulkhead ${this.guard} is full: ${limit === 1 ? "1 attempt is" : `${limit} attempts are`} running`;
  }
}
