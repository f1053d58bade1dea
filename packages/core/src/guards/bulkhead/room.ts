import { clock } from "../../time/clock.js";
import { formatDuration } from "../../time/duration.js";
import { type Answer, type Entrant, type Guard, Pass, Refusal } from "../guard.js";
import { type Hold, type PermitHome, SharedPermit } from "./permit.js";
import { Queue } from "../queue.js";
import { type CrowdedRoom, PlaceForAWhile } from "./place.js";

export interface BulkheadRules {
  readonly limit: number;
  readonly queueLimit: number;
  readonly queueWaitMs: number;
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
 * made per call. Only a permit that several attempts run under is an object of its own.
 */
export class Room extends Pass implements Guard, PermitHome, CrowdedRoom {
  readonly home: RoomHome;
  readonly key: string | undefined;
  inFlight = 0;
  readonly #full: Full;
  /** There while somebody waits. */
  #queue: Queue | undefined = undefined;
  #tooLate: TooLate | undefined = undefined;
  #shared: Set<SharedPermit> | undefined = undefined;

  constructor(home: RoomHome, key?: string) {
    super();
    this.home = home;
    this.key = key;
    this.#full = new Full(home);
  }

  enter(entrant: Entrant): Answer {
    if (this.inFlight >= this.home.rules.limit || this.#queue !== undefined)
      return this.#enterCrowded(entrant);
    return this.#permit();
  }

  /** Permits come and go: nothing is certain. */
  wouldRefuse(): boolean {
    return false;
  }

  slots(): number {
    this.giveUpAbandoned();
    return Math.max(0, this.home.rules.limit - this.inFlight - this.queued);
  }

  waitMs(): number {
    return 0;
  }

  exit(): void {
    this.inFlight--;
    if (this.#queue !== undefined) this.#admitWaiting();
  }

  /** The permit stays with the work, not with the attempt: the dependency is still busy. */
  override outlive(): Pass {
    return this.toLend().outlive();
  }

  /** The permit that was this room itself gets an identity. */
  override toLend(): Hold {
    return this.#share();
  }

  isHolding(permit: SharedPermit): boolean {
    return this.#shared?.has(permit) === true;
  }

  ended(permit: SharedPermit): void {
    if (this.#shared?.delete(permit) === true) this.exit();
  }

  giveBack(): void {
    this.exit();
  }

  isPristine(): boolean {
    return this.inFlight === 0 && this.#queue === undefined;
  }

  /** Work that has outlived its attempt no longer counts. */
  giveUpOverstays(): void {
    for (const permit of this.#shared ?? []) if (permit.isOverstay) this.ended(permit);
  }

  /** There may be more room than before. */
  retuned(): void {
    this.#admitWaiting();
  }

  get queued(): number {
    return this.#queue?.length ?? 0;
  }

  get abandonMs(): number {
    return this.home.rules.abandonMs;
  }

  get queueWaitMs(): number {
    return this.home.rules.queueWaitMs;
  }

  get tooLate(): Refusal {
    return (this.#tooLate ??= new TooLate(this.home));
  }

  #permit(): Pass {
    this.inFlight++;
    return this;
  }

  #share(): Hold {
    const permit = new SharedPermit(this);
    (this.#shared ??= new Set()).add(permit);
    return permit.hold();
  }

  #enterCrowded(entrant: Entrant): Answer {
    this.giveUpAbandoned();
    this.#admitWaiting();
    const { mostWaitMs } = entrant;
    const { limit, queueLimit } = this.home.rules;
    if (this.inFlight < limit) return this.#permit();
    if (this.queued >= queueLimit || mostWaitMs <= 0) return this.#full;
    const queue = (this.#queue ??= new Queue());
    return queue.join(new PlaceForAWhile(queue, this, mostWaitMs));
  }

  #admitWaiting(): void {
    while (this.queued > 0 && this.inFlight < this.home.rules.limit) {
      this.inFlight++;
      this.#queue?.grant(this);
    }
    if (this.queued === 0) this.#queue = undefined;
  }

  /** Found by the next who needs a permit, or no longer waits for one: no timer. */
  giveUpAbandoned(): void {
    const nowMs = clock.now();
    for (const permit of this.#shared ?? []) {
      if (!permit.isOverdue) continue;
      this.ended(permit);
      this.home.abandoned(this, nowMs - permit.sinceMs);
    }
  }
}

abstract class RoomRefusal extends Refusal {
  protected readonly home: RoomHome;

  constructor(home: RoomHome) {
    super();
    this.home = home;
  }

  /** Read late: a bulkhead without a name takes that of the first policy that uses it. */
  get guard(): string {
    return this.home.name;
  }

  /** When a permit comes back nobody knows. */
  retryAfterMs(): number {
    return 0;
  }
}

class Full extends RoomRefusal {
  readonly code = "ERR_BULKHEAD_FULL";

  describe(): string {
    const { limit, queueLimit } = this.home.rules;
    const running = limit === 1 ? "1 attempt is running" : `${limit} attempts are running`;
    const waiting = queueLimit === 0 ? "" : `, and ${queueLimit} calls wait`;
    return `bulkhead ${this.guard} is full: ${running}${waiting}`;
  }
}

class TooLate extends RoomRefusal {
  readonly code = "ERR_QUEUE_TIMEOUT";

  describe(): string {
    const { limit, queueWaitMs } = this.home.rules;
    return `bulkhead ${this.guard} had no room within ${formatDuration(queueWaitMs)} (limit ${limit})`;
  }
}
