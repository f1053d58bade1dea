import type { Credit } from "../budget/credit.js";
import type { Call, CallOptions, Frame } from "../call/call.js";
import type { Loan, Pass } from "../guards/guard.js";
import { uuid } from "../time/random.js";
import { type Judgement, VERDICTS } from "../verdicts/verdict.js";
import { Admission } from "./admission.js";
import { attempting, type Attempting, moment } from "./nesting.js";
import type { Place } from "./plan.js";
import type { Abortable } from "./work.js";

/** Whoever holds a signal keeps alive what can abort it: its task may hold nothing else of its call. */
const keptBy = new WeakMap<AbortSignal, FirstCall>();

/** A call of a plan that never retries and has no time limit, as its task sees it. Its only attempt is the call itself. */
export class FirstCall implements Call, Frame, Attempting, Abortable {
  readonly began: number = moment();
  readonly parent: Attempting | undefined;
  /** What it has paid into: in shadow only, as elsewhere who has a budget is driven. */
  readonly credit: Credit | undefined;
  isOver = false;
  isLost = false;
  readonly #place: Place;
  #admission: Admission;
  readonly #signal: AbortSignal | undefined;
  #controller: AbortController | undefined = undefined;
  #loans: readonly Loan[] | undefined = undefined;
  #idempotencyKey: string | undefined = undefined;

  constructor(
    place: Place,
    admission: Admission,
    signal: AbortSignal | undefined,
    parent: Attempting | undefined,
    credit?: Credit,
  ) {
    this.#place = place;
    this.#admission = admission;
    this.#signal = signal;
    this.parent = parent;
    this.credit = credit;
  }

  get [attempting](): Attempting {
    return this;
  }

  get call(): this {
    return this;
  }

  /** A call that has a deadline, its own or one around it, is driven; in shadow none binds. */
  get ownEndMs(): number {
    return Infinity;
  }

  /** Calls have begun inside it, and run under what it holds. */
  get hasLent(): boolean {
    return this.#loans !== undefined;
  }

  /** It is over; what it held is to be exited. */
  end({ verdict }: Judgement): Admission {
    this.isOver = true;
    this.isLost = verdict !== VERDICTS.success;
    return this.#admission;
  }

  /** Its time would be over, had it been enforced: what stays with the work that goes on. It can lend nothing any more. */
  outlive(judgement: Judgement, error: unknown): readonly Pass[] {
    const overstays = this.#admission.outlive(judgement, error);
    this.#admission = new Admission([]);
    this.#loans = [];
    return overstays;
  }

  loans(): readonly Loan[] {
    return this.isOver ? [] : (this.#loans ??= this.#lend());
  }

  get policy(): string {
    return this.#place.plan.policy;
  }

  get key(): string | undefined {
    return this.#place.key;
  }

  get attempt(): number {
    return 1;
  }

  get remainingMs(): undefined {
    return undefined;
  }

  /** The caller's, else one that only a drain aborts; a fresh one, as a shared one would collect listeners. */
  get signal(): AbortSignal {
    this.#place.plan.counters.signalWasRead = true;
    return this.#signal ?? (this.#controller ?? this.#listen(new AbortController())).signal;
  }

  abort(reason: unknown): void {
    this.#controller?.abort(reason);
  }

  get idempotencyKey(): string {
    return (this.#idempotencyKey ??= uuid());
  }

  get callOptions(): CallOptions | undefined {
    return undefined;
  }

  toCall(): this {
    return this;
  }

  #listen(controller: AbortController): AbortController {
    this.#controller = controller;
    keptBy.set(controller.signal, this);
    this.#place.plan.work.mayListen(this);
    return controller;
  }

  #lend(): readonly Loan[] {
    const { admission, loans } = this.#admission.toLend();
    this.#admission = admission;
    return [...loans, ...(this.parent?.loans() ?? [])];
  }
}
