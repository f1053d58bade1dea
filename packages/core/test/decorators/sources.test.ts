import { afterEach, describe, expect, test } from "vitest";
import {
  circuitBreaker,
  describeResilience,
  type Explanation,
  type Policy,
  registry,
  Resilient,
  retry,
  type Source,
} from "@breakwater/core";
import { loadConfig } from "@breakwater/core/config";
import { untyped } from "./support.js";

/** Who may say something of a method's policy, from the least to the most. */
const LAYERS = [
  ["the file's defaults", "file"],
  ["the class", "class"],
  ["the method", "code"],
  ["the file", "file"],
  ["a tune", "tune"],
  ["an override", "override"],
] as const satisfies readonly (readonly [string, Source])[];
type Layer = (typeof LAYERS)[number][0];

const POLICY = "Rates.latest";

afterEach(() => {
  registry.override({ verb: "clear", policy: "*", by: "the test", why: "it is over" });
  loadConfig({ text: "policies: {}" });
});

/** An option of a part and one of the policy itself, with values that nobody else gives. */
function sayingOf(layer: Layer): { breaker: { probes: number }; owner: string } {
  return { breaker: { probes: 10 + LAYERS.findIndex(([name]) => name === layer) }, owner: layer };
}

const nothing = (): void => {};

function partsOf(layer: Layer) {
  const { breaker, owner } = sayingOf(layer);
  return [circuitBreaker(breaker), { owner }] as const;
}

/** A decorated method of which these layers speak. */
function explanationWhere(speaking: ReadonlySet<Layer>): Explanation {
  const said = (layer: Layer) => (speaking.has(layer) ? sayingOf(layer) : {});
  const given = (layer: Layer) => (speaking.has(layer) ? partsOf(layer) : []);
  // A class with a bare @Resilient() would share the recommended parts among its methods.
  const ofClass = speaking.has("the class") ? Resilient(...given("the class")) : nothing;
  const file = { defaults: said("the file's defaults"), policies: { [POLICY]: said("the file") } };
  loadConfig({ text: JSON.stringify(file) });
  @untyped(ofClass)
  class Rates {
    @Resilient(...given("the method"))
    async latest(): Promise<void> {}
  }
  const policy = onlyPolicyOf(Rates);
  if (speaking.has("a tune")) policy.tune(sayingOf("a tune"));
  const asked = { policy: POLICY, by: "ana", why: "INC-4711", until: "30m" };
  if (speaking.has("an override"))
    registry.override({ ...asked, verb: "tune", patch: sayingOf("an override") });
  return policy.explain();
}

function onlyPolicyOf(target: abstract new () => object): Policy {
  const [described] = describeResilience(target);
  if (described === undefined) throw new Error("no method is described");
  return described.policy;
}

const sourceOf = ({ values }: Explanation, path: string): unknown => {
  const { value, source } = values.find((each) => each.path === path) ?? {};
  return [value, source];
};

function subsetsOf<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>(
    (subsets, item) => [...subsets, ...subsets.map((subset) => [...subset, item])],
    [[]],
  );
}

describe("who says most of a method's policy", () => {
  test("where nobody says anything, a value is the default", () => {
    expect(sourceOf(explanationWhere(new Set()), "breaker.probes")).toEqual([3, "default"]);
  });

  test.each(LAYERS.map(([layer, source], rank) => ({ layer, source, rank })))(
    "$layer: holds over everything below, and is shown as $source",
    ({ layer, source, rank }) => {
      const lower = LAYERS.slice(0, rank).map(([name]) => name);
      const { breaker, owner } = sayingOf(layer);
      for (const below of subsetsOf(lower)) {
        const explanation = explanationWhere(new Set([...below, layer]));
        const over = `${layer} over ${below.join(", ")}`;
        expect(sourceOf(explanation, "breaker.probes"), over).toEqual([breaker.probes, source]);
        expect(sourceOf(explanation, "owner"), over).toEqual([owner, source]);
        registry.override({ verb: "clear", policy: "*", by: "the test", why: "the next one" });
      }
    },
  );
});

test("class is the source of what a class declares, and code of what its method does", () => {
  @Resilient(circuitBreaker({ probes: 5 }), retry({ maxAttempts: 4 }), { owner: "ana" })
  class Rates {
    @Resilient(retry({ maxAttempts: 2 }), { runbook: "wiki/rates" })
    async latest(): Promise<void> {}
  }
  const explanation = onlyPolicyOf(Rates).explain();
  expect(sourceOf(explanation, "breaker.probes")).toEqual([5, "class"]);
  expect(sourceOf(explanation, "breaker.maxKeys")).toEqual([10_000, "default"]);
  expect(sourceOf(explanation, "retry.maxAttempts")).toEqual([2, "code"]);
  expect(sourceOf(explanation, "owner")).toEqual(["ana", "class"]);
  expect(sourceOf(explanation, "runbook")).toEqual(["wiki/rates", "code"]);
  expect(String(explanation)).toContain("^ probes 5 (class)");
});
