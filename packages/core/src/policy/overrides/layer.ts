import { Block } from "../../engine/block.js";
import type { Driver } from "../../engine/driver.js";
import { offAtItsKey, offDriver } from "../../engine/off.js";
import { byKey, untilItEnds } from "../../engine/overridden.js";
import { refusing } from "../../engine/refusing.js";
import type { Events } from "../../events/events.js";
import type { Compiled } from "../compile.js";
import { board, type Overridable } from "./board.js";
import type { Override } from "./override.js";

/**
 * What operators have laid over one policy. The policy itself stays as it is beneath: what changes is the driver that
 * its calls run on. Without overrides that is its own, and nothing is asked per call.
 */
export class Layer implements Overridable {
  readonly policy: string;
  readonly events: Events;
  #base: Compiled;
  #standing: readonly Override[] = [];
  #driver: Driver;
  #isDrained = false;
  readonly #use: (driver: Driver) => void;

  /** `use` puts the policy on another driver. */
  constructor(policy: string, events: Events, base: Compiled, use: (driver: Driver) => void) {
    this.policy = policy;
    this.events = events;
    this.#base = base;
    this.#driver = base.driver;
    this.#use = use;
  }

  get standing(): readonly Override[] {
    board.settle();
    return this.#standing;
  }

  /** Beneath is another plan from now on; what stands stays. */
  set base(compiled: Compiled) {
    this.#base = compiled;
    this.stand(this.#standing);
  }

  /** Refuses every call from now on, whatever stands over it. */
  drain(): void {
    this.#isDrained = true;
    this.stand(this.#standing);
  }

  stand(standing: readonly Override[]): void {
    this.#standing = standing;
    this.#driver = this.#isDrained ? this.#base.refusing : this.#topDriver();
    this.#use(this.#driver);
    const blocks = this.#of("block").map((block) => this.#blockFor(block));
    this.#base.scopes.plan.work.override(blocks, (key) => this.#bypasses(key));
  }

  /** Where another one does the same to the same calls, nothing has ended for them. */
  ended(override: Override): void {
    const { verb, key } = override;
    const heirs = verb === "block" ? this.#of("block") : this.#calls;
    if (verb === "tune" || heirs.some((heir) => heir.isOverKey(key))) return;
    for (const { breaker } of this.#base.everyParts())
      if (verb === "block") breaker?.probe(key);
      else breaker?.close(key);
  }

  reset(key: string | undefined): void {
    for (const { breaker, budget } of this.#base.everyParts()) {
      breaker?.close(key);
      if (key === undefined) budget?.reset();
    }
  }

  /** Those that say which way a call goes. */
  get #calls(): readonly Override[] {
    return this.#standing.filter(({ verb }) => verb !== "tune");
  }

  #of(verb: Override["verb"]): readonly Override[] {
    return this.#standing.filter((override) => override.verb === verb);
  }

  #bypasses(key: string | undefined): boolean {
    return this.#calls.find((override) => override.isOverKey(key))?.verb === "bypass";
  }

  #topDriver(): Driver {
    const endsMs = Math.min(...this.#standing.map((override) => override.endsMs));
    const calls = this.#calls;
    const driver = calls.every(({ key }) => key === undefined)
      ? this.#driverOf(calls[0])
      : this.#keyedDriver(calls);
    return endsMs === Infinity ? driver : untilItEnds(driver, endsMs, () => this.#driverAfter());
  }

  /** The first that is over a key decides for it. */
  #keyedDriver(calls: readonly Override[]): Driver {
    const drivers = calls.map((override) => ({ override, driver: this.#driverOf(override) }));
    const { driver: own } = this.#base;
    return byKey((key) => drivers.find(({ override }) => override.isOverKey(key))?.driver ?? own);
  }

  #driverOf(override: Override | undefined): Driver {
    if (override === undefined) return this.#base.driver;
    if (override.verb === "block") {
      const block = this.#blockFor(override);
      return this.#base.answered(refusing(() => block));
    }
    return override.key === undefined ? offDriver(this.#base.scopes.common) : offAtItsKey;
  }

  #driverAfter(): Driver {
    board.settle();
    return this.#driver;
  }

  #blockFor({ key, endsMs, origin }: Override): Block {
    return new Block(this.policy, key, endsMs, origin);
  }
}
