import { type OverrideRequest, registry, resilient } from "@breakwater/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rejectionOf } from "../regressions/fixtures.js";
import { atNoon, clearAll } from "./support.js";

atNoon();

type Given = Extract<OverrideRequest, { verb: "block" | "bypass" }>;

const at = (verb: Given["verb"], scope: string, why: string): Given => {
  const [policy = "", key] = scope.split("/");
  return { verb, policy, ...(key === undefined ? {} : { key }), by: "ana", why, until: "1h" };
};
const block = (scope: string, why = scope): Given => at("block", scope, why);
const bypass = (scope: string, why = scope): Given => at("bypass", scope, why);

/** What a call of crm with the key EU meets, whatever else stands: block wins, then the narrowest scope, then the newest. */
const TABLE: readonly (readonly [standing: readonly Given[], met: string])[] = [
  [[], "enforced"],
  [[block("*")], "blocked by *"],
  [[block("crm")], "blocked by crm"],
  [[block("crm/EU")], "blocked by crm/EU"],
  [[block("*/EU")], "blocked by */EU"],
  [[bypass("*")], "bypassed"],
  [[bypass("crm/EU")], "bypassed"],
  // Of others.
  [[block("rates")], "enforced"],
  [[block("crm/US")], "enforced"],
  [[bypass("rates/EU")], "enforced"],
  // Block wins, however wide it is and whenever it was set.
  [[block("*"), bypass("crm/EU")], "blocked by *"],
  [[bypass("crm/EU"), block("*")], "blocked by *"],
  [[bypass("crm"), block("crm")], "blocked by crm"],
  [[block("crm"), bypass("crm")], "blocked by crm"],
  [[block("crm/US"), bypass("*")], "bypassed"],
  // Of two blocks the narrowest is named.
  [[block("crm"), block("*")], "blocked by crm"],
  [[block("*"), block("crm")], "blocked by crm"],
  [[block("crm/EU"), block("crm")], "blocked by crm/EU"],
  [[block("*/EU"), block("crm")], "blocked by */EU"],
  [[block("crm/EU"), block("*/EU")], "blocked by crm/EU"],
  // Of two with the same scope the newest.
  [[block("crm", "first"), block("crm", "second")], "blocked by second"],
  [[block("crm/EU", "first"), block("crm/EU", "second")], "blocked by second"],
];

async function metBy(standing: readonly Given[]): Promise<string> {
  const crm = resilient({ name: "crm" });
  for (const request of standing) registry.override(request);
  const promise = Promise.resolve("run");
  const answer = crm.execute(() => promise, { key: "EU" });
  if ((await answer.catch(() => undefined)) === undefined) {
    const { message } = (await rejectionOf(answer)) as Error;
    return `blocked by ${/\((.*)\)/.exec(message)?.[1]}`;
  }
  return answer === promise ? "bypassed" : "enforced";
}

describe("the precedence of overrides", () => {
  it.each(TABLE)("%j: a call of crm at EU is %s", async (standing, met) => {
    expect(await metBy(standing)).toBe(met);
  });

  it("is that of a plain search: for any set, in any order, with any of them cleared again", async () => {
    const scope = fc.constantFrom("*", "*/EU", "*/US", "crm", "crm/EU", "crm/US", "rates");
    const one = fc.record({
      verb: fc.constantFrom("block" as const, "bypass" as const),
      scope,
      isCleared: fc.boolean(),
    });
    await fc.assert(
      fc
        .asyncProperty(fc.array(one, { maxLength: 6 }), async (given) => {
          const requests = given.map(({ verb, scope: over }, n) => at(verb, over, `${n} ${over}`));
          const handles = requests.map((request) => registry.override(request));
          handles.forEach((handle, n) => given[n]?.isCleared === true && handle.clear());
          const standing = requests.filter((_, n) => given[n]?.isCleared === false);
          expect(await metBy([])).toBe(expected(standing));
        })
        .afterEach(clearAll),
      { numRuns: 100 },
    );
  });
});

const NARROWEST_FIRST = ["crm/EU", "*/EU", "crm", "*"];

/** Another way to say the same: verb by verb, scope by scope, the last one. */
function expected(standing: readonly Given[]): string {
  for (const verb of ["block", "bypass"])
    for (const scope of NARROWEST_FIRST) {
      const found = standing.findLast(
        ({ verb: which, why }) => which === verb && why.endsWith(` ${scope}`),
      );
      if (found !== undefined) return verb === "block" ? `blocked by ${found.why}` : "bypassed";
    }
  return "enforced";
}
