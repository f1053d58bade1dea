import { clock } from "../time/clock.js";
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
    const lent = retained === undefined ? undefined : this.#lend(retained);
    if (lent !== undefined) return lent;
    if (this.inFlight >= this.home.rules.limit) this.#giveUpAbandoned();
    if (this.inFlight >= this.home.rules.limit) return this.#full;
    this.inFlight++;
    return this;
  }

  #lend(retained: readonly Pass[]): Pass | undefined {
    for (const pass of retained) {
      const lent = pass instanceof Overstay ? pass.lendIn(this) : undefined;
      if (lent !== undefined) return lent;
    }
    return undefined;
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
      if (!overstay.isOverdue) continue;
      this.ended(overstay);
      this.home.abandoned(this, nowMs - overstay.sinceMs);
    }
  }
}

/**
 * The permit of work that goes on after its attempt has timed out. A retry of the same call runs under it too, so it
 * never waits for itself; the permit is free again when the last of them has ended. It can be given up as abandoned
 * only while no attempt in time runs under it.
 */
class Overstay extends Pass {
  sinceMs: number = clock.now();
  readonly #room: Room;
  #holders = 1;
  #inTime = 0;

  constructor(room: Room) {
    super();
    this.#room = room;
  }

  override get once(): boolean {
    return true;
  }

  get isOverdue(): boolean {
    return this.#inTime === 0 && clock.now() - this.sinceMs >= this.#room.home.rules.abandonMs;
  }

  lendIn(room: Room): Pass | undefined {
    if (this.#room !== room || !room.isHeldBy(this)) return undefined;
    this.#holders++;
    this.#inTime++;
    return new Lent(this);
  }

  /** An attempt that ran under it has timed out, too. */
  outlived(): void {
    this.#inTime--;
    this.sinceMs = clock.now();
  }

  ended(inTime: boolean): void {
    if (inTime) this.#inTime--;
    if (--this.#holders === 0) this.#room.ended(this);
  }

  exit(): void {
    this.ended(false);
  }

  override outlive(): Pass {
    return this;
  }
}

/** What a retry holds while it runs under the permit of an earlier attempt of its call. */
class Lent extends Pass {
  readonly #overstay: Overstay;

  constructor(overstay: Overstay) {
    super();
    this.#overstay = overstay;
  }

  override get once(): boolean {
    return true;
  }

  exit(): void {
    this.#overstay.ended(true);
  }

  override outlive(): Pass {
    this.#overstay.outlived();
    return this.#overstay;
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
