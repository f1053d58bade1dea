/** What can be measured by itself, each in a file of `suites/`: a process loads the libraries of one only. */
export const SUITES = ["core", "axios", "events", "pg"];

/**
 * @param {string} name
 * @returns {Promise<import("./types.js").Suite>}
 */
export function suiteNamed(name) {
  return import(`./suites/${name}.mjs`);
}

/**
 * @param {{ suite: string, scenario: string }} job
 * @returns {Promise<import("./types.js").Scenario>}
 */
export async function scenarioOf({ suite, scenario }) {
  const { scenarios } = await suiteNamed(suite);
  return /** @type {import("./types.js").Scenario} */ (scenarios[scenario]);
}
