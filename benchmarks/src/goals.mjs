import { median, medianDifference, medianRatio } from "./statistics.mjs";

/** @typedef {import("./types.js").Goal} Goal */
/** @typedef {import("./types.js").Results} Results */
/** @typedef {Exclude<keyof import("./types.js").Counts, "contestant">} Counted */

const OURS = "breakwater wrap";
const OURS_FULL = "breakwater wrap, full stack";

/** @type {Record<Counted, string>} */
const COUNTED = {
  promises: "promises per call over bare",
  ticks: "ticks per call over bare",
  timers: "timers per call",
  abortControllers: "AbortControllers per call",
  clockReads: "clock reads per call",
};

/** @type {readonly Goal[]} */
const goals = [
  ratio("P1-bare", 3, "closed", OURS, "bare await"),
  ratio("P1-cockatiel", 0.7, "closed", OURS, "cockatiel breaker"),
  ratio("P2-bare", 6, "full", OURS, "bare await"),
  ratio("P2-cockatiel", 1 / 30, "full", OURS, "cockatiel full stack"),
  ratio("P2-opossum", 0.4, "full", OURS, "opossum breaker + capacity + timeout"),
  ratio("P3", 1.1, "decorator", "breakwater @Resilient", OURS),
  bytes("P4-closed", 200, "closed"),
  bytes("P4-full", 1_000, "full"),
  ...["closed", "full"].flatMap((scenario) => [
    made("promises", scenario === "closed" ? 1 : 2, scenario),
    made("ticks", 1, scenario),
    made("timers", 0, scenario),
    made("abortControllers", 0, scenario),
    made("clockReads", 0.02, scenario),
  ]),
  ratio("P6-bare", 0.9, "open", OURS, "bare rejection"),
  ratio("P6-cockatiel", 1 / 5, "open", OURS, "cockatiel breaker"),
  ratio("P6-opossum", 1 / 5, "open", OURS, "opossum breaker + capacity"),
  ratio("P6-mollitia", 1 / 5, "open", OURS, "mollitia breaker + bulkhead"),
  ratio("P7", 1.2, "open", OURS_FULL, OURS),
  ratio("P8", 1.6, "two-retries", OURS, "loop by hand"),
  alone("P20-off", 1.15, "off", "breakwater, mode off"),
  alone("P20-bypass", 1.15, "off", "breakwater, bypass until cleared"),
  ratio("P20-off-mixed", 1.3, "off", "breakwater, mode off", "bare await"),
  ratio("P20-bypass-mixed", 1.3, "off", "breakwater, bypass until cleared", "bare await"),
  ratio("P9-bare", 1.7, "half-failing", OURS, "bare await"),
  ratio("P9-cockatiel", 1, "half-failing", OURS, "cockatiel breaker"),
  ratio("S1", 1, "modes", "breaker + bulkhead in shadow", "breaker + bulkhead"),
  ratio("S1-full", 1, "modes", "full stack in shadow", "full stack"),
  ratio("E1", 1.05, "events", "breakwater", "breakwater without events"),
  ratio("G1", 1.05, "pg", "breakwater", "plain pool"),
  added("A1-added", 600, "axios", "breakwater", "plain axios"),
  ratio("A1-plain", 1.05, "axios", "breakwater", "plain axios"),
  ratio("A1-axios-retry", 1, "axios", "breakwater", "axios-retry"),
  ratio("A1-cockatiel", 1, "axios", "breakwater", "axios through cockatiel"),
];

/**
 * How much dearer one contestant is than another, in the process with six shapes of policy.
 *
 * @param {string} id
 * @param {number} atMost
 * @param {string} scenario
 * @param {string} of
 * @param {string} to
 * @returns {Goal}
 */
function ratio(id, atMost, scenario, of, to) {
  const limit = atMost < 0.1 ? `1/${Math.round(1 / atMost)}` : `${atMost}x`;
  return {
    id,
    goal: `${scenario}: ${of} ≤ ${limit} of ${to}`,
    atMost,
    unit: "x",
    value({ timings: { [scenario]: rows } }) {
      if (rows === undefined) return undefined;
      const named = (/** @type {string} */ name) =>
        rows.find(({ contestant }) => contestant === name);
      return medianRatio(named(of), named(to));
    },
  };
}

/**
 * How many nanoseconds one contestant adds to another.
 *
 * @param {string} id
 * @param {number} atMost
 * @param {string} scenario
 * @param {string} of
 * @param {string} to
 * @returns {Goal}
 */
function added(id, atMost, scenario, of, to) {
  return {
    id,
    goal: `${scenario}: ${of} ≤ ${atMost} ns over ${to}`,
    atMost,
    unit: "ns",
    value({ timings: { [scenario]: rows } }) {
      if (rows === undefined) return undefined;
      const named = (/** @type {string} */ name) =>
        rows.find(({ contestant }) => contestant === name);
      return medianDifference(named(of), named(to));
    },
  };
}

/**
 * How much dearer than the bare call one contestant is that has the process for itself.
 *
 * @param {string} id
 * @param {number} atMost
 * @param {string} scenario
 * @param {string} of
 * @returns {Goal}
 */
function alone(id, atMost, scenario, of) {
  return {
    id,
    goal: `${scenario}: ${of} (alone) ≤ ${atMost}x of bare await`,
    atMost,
    unit: "x",
    value({ timings: { [scenario]: rows } }) {
      const row = rows?.find(({ contestant }) => contestant === `${of} (alone)`);
      if (row === undefined) return undefined;
      return row.comparable ? median(row.ratios) : null;
    },
  };
}

/**
 * @param {string} id
 * @param {number} atMost
 * @param {string} scenario
 * @returns {Goal}
 */
function bytes(id, atMost, scenario) {
  return {
    id,
    goal: `${scenario}: ${OURS} ≤ ${atMost} bytes per call over bare`,
    atMost,
    unit: "B",
    value({ heap: { [scenario]: rows } }) {
      return rows && (rows.find(({ contestant }) => contestant === OURS)?.bytesOverBare ?? null);
    },
  };
}

/**
 * @param {Counted} what
 * @param {number} atMost
 * @param {string} scenario
 * @returns {Goal}
 */
function made(what, atMost, scenario) {
  return {
    id: `P5-${scenario}-${what}`,
    goal: `${scenario}: ${OURS} ≤ ${atMost} ${COUNTED[what]}`,
    atMost,
    unit: "",
    value({ counts: { [scenario]: rows } }) {
      return rows && (rows.find(({ contestant }) => contestant === OURS)?.[what] ?? null);
    },
  };
}

/**
 * The goals about which something has been measured.
 *
 * @param {Results} results
 * @returns {(import("./types.js").GoalResult & Pick<Goal, "unit">)[]}
 */
export function judge(results) {
  return goals.flatMap(({ id, goal, atMost, unit, value }) => {
    const measured = value(results);
    return measured === undefined
      ? []
      : [{ id, goal, value: measured, met: measured !== null && measured <= atMost, unit }];
  });
}
