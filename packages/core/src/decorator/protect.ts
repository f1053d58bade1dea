import { issueOf, invalidSpec } from "../parts/options.js";
import type { PolicyPart } from "../policy/assemble.js";
import type { Explanation } from "../policy/explanation.js";
import type { AsyncFunction, Policy } from "../policy/policy.js";
import { Declared } from "./declared.js";
import { declareAt, declaredBy } from "./homes.js";
import { checkMethod } from "./method-checks.js";

type MethodsOf<C> = { [N in keyof C]: C[N] extends AsyncFunction ? N : never }[keyof C];
type Protectable<C> = C extends { prototype: infer P } ? MethodsOf<P> | MethodsOf<C> : never;

/**
 * The same as `@Resilient` without decorators, for plain JavaScript and for scripts that run as they are: puts methods
 * of a class under policies. Instance methods first, else static ones.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC`, also for names that are no methods; `ERR_NOT_A_METHOD`.
 * @example
 * protect(Rates, { latest: [breaker, budget], post: "ledger" });
 */
export function protect<C extends abstract new (...args: never[]) => object>(
  target: C,
  methods: { readonly [N in Protectable<C>]?: readonly PolicyPart[] | string | Policy },
): void {
  const missing = Object.keys(methods).filter((name) => homeOf(target, name) === undefined);
  if (missing.length > 0)
    throw invalidSpec(
      missing.map((name) =>
        issueOf(`protect(${target.name}).${name}`, "a method of the class", undefined),
      ),
    );
  for (const [name, given] of Object.entries(methods))
    protectOne(target, name, Array.isArray(given) ? given : [given]);
}

function protectOne(target: Function, name: string, given: readonly unknown[]): void {
  const home = homeOf(target, name) as object;
  const descriptor = Object.getOwnPropertyDescriptor(home, name);
  const method: unknown = descriptor?.value;
  checkMethod(method, name, home);
  const declared = new Declared(method, name, home === target, given);
  declared.completeWith(target.name, undefined);
  declareAt(home, declared);
  Object.defineProperty(home, name, { ...descriptor, value: declared.wrapped });
}

function homeOf(target: Function, name: string): object | undefined {
  const prototype = target.prototype as object;
  if (name !== "constructor" && Object.hasOwn(prototype, name)) return prototype;
  return name !== "prototype" && Object.hasOwn(target, name) ? target : undefined;
}

/** One declared method. */
export interface DescribedMethod {
  readonly method: string;
  readonly static: boolean;
  /** What its calls run under: to listen to, to look at, to restore. */
  readonly policy: Policy;
  readonly explanation: Explanation;
}

/**
 * What a class has declared with `@Resilient` or `protect`, its own and what it inherits: for a start-up log, a review,
 * a test.
 *
 * @throws BreakwaterError `ERR_UNKNOWN_POLICY` where a method names a policy that nobody has defined.
 * @example
 * for (const { explanation } of describeResilience(Rates)) console.log(String(explanation));
 */
export function describeResilience(
  target: abstract new (...args: never[]) => object,
): readonly DescribedMethod[] {
  const described = new Map<string, DescribedMethod>();
  for (
    let link: unknown = target;
    typeof link === "function" && link.prototype !== undefined;
    link = Object.getPrototypeOf(link)
  ) {
    for (const declared of declaredBy(link)) {
      const id = `${declared.isStatic} ${declared.method}`;
      if (!described.has(id)) described.set(id, describe(declared, link.name));
    }
  }
  return [...described.values()];
}

function describe(declared: Declared, className: string): DescribedMethod {
  const policy = declared.policyOf(className);
  return {
    method: declared.method,
    static: declared.isStatic,
    policy,
    explanation: policy.explain(),
  };
}
