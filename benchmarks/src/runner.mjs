import { CALLS_PER_TURN, copyOfLoop, copyOfTask } from "./copies.mjs";
import { objection, openIfWanted, rehearse } from "./rehearsal.mjs";
import { median } from "./statistics.mjs";

/** @typedef {import("./types.js").Contestant} Contestant */
/** @typedef {import("./types.js").Rounds} Rounds */
/** @typedef {import("./types.js").Scenario} Scenario */
/** @typedef {import("./types.js").Timing} Timing */

const WARM_UP_SLICES = 16;
/** What a compiler wants to have seen, also of calls so slow that few of them fill a slice. */
const WARM_UP_CALLS = 20_000;
const GROWTH = 8;

/** One contestant in a race. */
export class Runner {
  /** Per call, one number a round. @type {number[]} */
  ns = [];
  /** Nanoseconds of the slices of this round. @type {number[]} */
  #round = [];
  #turns = 1;
  #slices = 1;
  #calls = 0;
  #failures = 0;
  /** @type {string | undefined} */
  #objection;

  /**
   * @param {Contestant} contestant
   * @param {Scenario} scenario
   * @param {Rounds} effort
   */
  constructor(contestant, scenario, effort) {
    this.contestant = contestant;
    this.scenario = scenario;
    this.effort = effort;
    this.loop = copyOfLoop(scenario.loop);
    this.entry = /** @type {Required<Contestant>} */ (contestant).make(copyOfTask(scenario.task));
  }

  /** Finds out whether the contestant does what the scenario asks for. */
  async rehearse() {
    this.#objection = await rehearse(this.contestant, this.scenario);
  }

  /** Opens the circuit if that is wanted, and finds out how many turns make a slice. */
  async warmUp() {
    const { sliceMs, slices } = this.effort;
    await openIfWanted(this.entry, this.scenario);
    for (let i = 0; i < WARM_UP_SLICES || this.#calls < WARM_UP_CALLS; i++) {
      const turnMs = (await this.#slice()) / this.#turns / 1e6;
      this.#turns = Math.max(1, Math.min(this.#turns * GROWTH, Math.round(sliceMs / turnMs)));
      this.#slices = Math.max(1, Math.min(slices, Math.round((slices * sliceMs) / turnMs)));
    }
    this.#calls = this.#failures = 0;
  }

  /** One slice of a round, unless this contestant is so slow that fewer make its share. */
  async measure(/** @type {number} */ slice) {
    if (slice < this.#slices) this.#round.push(await this.#slice());
  }

  endRound() {
    this.ns.push(median(this.#round.splice(0)) / this.#callsPerSlice);
  }

  get #callsPerSlice() {
    return this.#turns * CALLS_PER_TURN[this.scenario.loop];
  }

  /** How many nanoseconds it took. */
  async #slice() {
    globalThis.gc?.({ type: "minor" });
    const began = process.hrtime.bigint();
    const failures = await this.loop(this.entry.call, this.#turns);
    const ns = Number(process.hrtime.bigint() - began);
    this.#calls += this.#callsPerSlice;
    this.#failures += failures;
    return ns;
  }

  /**
   * @param {readonly number[]} firstNs
   * @returns {Timing}
   */
  timing(firstNs) {
    const { name, note, expected } = this.contestant;
    const wrong =
      this.#objection ??
      objection(this.entry, this.scenario, expected, this.#failures / this.#calls);
    const notes = [wrong && `not comparable: ${wrong}`, note]
      .filter((text) => text !== undefined)
      .join("; ");
    return {
      contestant: name,
      ns: this.ns,
      ratios: this.ns.map((ns, round) => ns / /** @type {number} */ (firstNs[round])),
      comparable: wrong === undefined,
      ...(notes === "" ? {} : { note: notes }),
    };
  }
}
