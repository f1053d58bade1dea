/** @typedef {import("./types.js").Timing} Timing */

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = /** @type {number} */ (sorted[middle]);
  return sorted.length % 2 === 1 ? upper : (/** @type {number} */ (sorted[middle - 1]) + upper) / 2;
}

/**
 * The median over the rounds of how much dearer one contestant was than another in the same round; null where one of
 * them has not done the same work.
 *
 * @param {Timing | undefined} of
 * @param {Timing | undefined} to
 */
export function medianRatio(of, to) {
  if (of === undefined || to === undefined || !of.comparable || !to.comparable) return null;
  return median(of.ns.map((ns, round) => ns / /** @type {number} */ (to.ns[round])));
}

/**
 * The same for how many nanoseconds it took longer.
 *
 * @param {Timing | undefined} of
 * @param {Timing | undefined} to
 */
export function medianDifference(of, to) {
  if (of === undefined || to === undefined || !of.comparable || !to.comparable) return null;
  return median(of.ns.map((ns, round) => ns - /** @type {number} */ (to.ns[round])));
}

/**
 * @param {Timing} timing
 * @returns {import("./types.js").Row}
 */
export function rowOf({ contestant, ns, ratios, comparable, note }) {
  const measured = ns.length > 0;
  return {
    contestant,
    nsMedian: measured ? median(ns) : null,
    nsMin: measured ? Math.min(...ns) : null,
    ratio: comparable ? median(ratios) : null,
    ...(note === undefined ? {} : { note }),
  };
}
