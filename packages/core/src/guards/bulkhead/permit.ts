import { clock } from "../../time/clock.js";
import { type Answer, type Entrant, type Guard, Loan, type Pass } from "../guard.js";

/** The room, as its shared permits see it. */
export interface PermitHome extends Guard {
  readonly abandonMs: number;
  isHolding(permit: SharedPermit): boolean;
  /** Nobody runs under it any more. */
  ended(permit: SharedPermit): void;
}

/**
 * A permit that several attempts run under: one that has timed out and whose work goes on, its retry, attempts of calls
 * inside it. So a call never waits for itself. It is free again when the last of them has ended. It can be given up as
 * abandoned only while no attempt in time runs under it.
 */
export class SharedPermit {
  readonly room: PermitHome;
  sinceMs: number = clock.now();
  #holders = 0;
  #inTime = 0;

  constructor(room: PermitHome) {
    this.room = room;
  }

  /** All that still run under it have timed out. */
  get isOverstay(): boolean {
    return this.#inTime === 0;
  }

  get isOverdue(): boolean {
    return this.isOverstay && clock.now() - this.sinceMs >= this.room.abandonMs;
  }

  hold(): Hold {
    this.#holders++;
    this.#inTime++;
    return new Hold(this);
  }

  /** An attempt that runs under it has timed out; its work goes on. */
  outlived(): void {
    this.#inTime--;
    this.sinceMs = clock.now();
  }

  left(inTime: boolean): void {
    if (inTime) this.#inTime--;
    if (--this.#holders === 0) this.room.ended(this);
  }
}

/** What one attempt holds of a shared permit. */
export class Hold extends Loan {
  readonly #permit: SharedPermit;
  #inTime = true;

  constructor(permit: SharedPermit) {
    super();
    this.#permit = permit;
  }

  get guard(): Guard {
    return this.#permit.room;
  }

  /** One that has been given up as abandoned is nobody's any more. */
  lend(entrant: Entrant): Answer {
    const { room } = this.#permit;
    return room.isHolding(this.#permit) ? this.#permit.hold() : room.enter(entrant);
  }

  exit(): void {
    this.#permit.left(this.#inTime);
  }

  override outlive(): Pass {
    if (this.#inTime) this.#permit.outlived();
    this.#inTime = false;
    return this;
  }
}
