import { BreakwaterError, definePolicy } from "@breakwater/core";
import { loadConfig } from "@breakwater/core/config";
import fc from "fast-check";
import { expect, it } from "vitest";

const VALID = `shared:
  crm: &crm
    breaker: { consecutiveFailures: 5, openMs: 15s }
    budget: { ratio: 0.2 }
defaults:
  timeout: 2s
  retry: { maxAttempts: 3, jitter: full }
policies:
  fuzz.base: { deadline: 1m, runbook: wiki/crm, breaker: { openMs: 5s } }
  fuzz.ledger: { breaker: crm, budget: crm, idempotent: false, owner: ana }
  "fuzz.rates":
    extends: fuzz.base
    breaker: { failureRatio: 0.5, window: { ms: 10s } }
    bulkhead: { limit: 20, queueLimit: 10 }
    rateLimit: null
    mode: enforce
`;

const PIECES = [
  ..."{}[]:,-&*!#%?|>\"'@`\n\t \\\u0000\u{FEFF}".split(""),
  "__proto__",
  "constructor",
  "prototype",
  "<<: *crm",
  "*crm",
  "&crm ",
  "!!js/function ",
  "!!binary ",
  "%YAML 1.1\n",
  "---\n",
  "...",
  "null",
  "~",
  ".inf",
  "-.inf",
  ".nan",
  "1e999",
  "0x7fffffff",
  "99999999999999999999",
  "2s",
  "hasOwnProperty",
  "toString",
  "valueOf",
  "extends: fuzz.rates",
  "key: x",
  "name: x",
];

/** One piece put in, over or instead of something; or a part of the text twice, or gone, or elsewhere. */
const mutation = fc.record({
  at: fc.nat(VALID.length),
  length: fc.oneof(fc.constant(0), fc.nat(12)),
  by: fc.oneof(
    fc.constantFrom(...PIECES),
    fc.string({ maxLength: 6, unit: "binary" }),
    fc.tuple(fc.nat(VALID.length), fc.nat(40)).map(([from, n]) => VALID.slice(from, from + n)),
  ),
});

const ownOf = (object: object): number => Reflect.ownKeys(object).length;

/** The problems that it is refused for; none if it is loaded. */
function problemsOf(text: string): number {
  try {
    loadConfig({ text });
    return 0;
  } catch (error) {
    if (!(error instanceof BreakwaterError) || error.code !== "ERR_INVALID_SPEC") throw error;
    return error.issues?.length ?? Number.NaN;
  }
}

it("10,000 mutations of a config load or are refused, all of them soon, and touch nothing else", () => {
  definePolicy("fuzz.ledger");
  definePolicy("fuzz.rates");
  loadConfig({ text: VALID });
  const globals = [Object.prototype, Array.prototype, Function.prototype, String.prototype];
  const before = globals.map(ownOf);
  let [loaded, refused, slowestMs] = [0, 0, 0];
  const property = fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
    let text = VALID;
    for (const { at, length, by } of mutations)
      text = text.slice(0, at) + by + text.slice(at + length);
    const beganMs = performance.now();
    const problems = problemsOf(text);
    expect(problems).not.toBeNaN();
    if (problems > 0) refused++;
    else loaded++;
    slowestMs = Math.max(slowestMs, performance.now() - beganMs);
    expect(globals.map(ownOf)).toEqual(before);
    expect(Object.keys({})).toEqual([]);
  });
  fc.assert(property, { numRuns: 10_000 });
  expect(loaded).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(2_000);
  expect(slowestMs).toBeLessThan(10_000);
  loadConfig({ text: VALID });
}, 600_000);
