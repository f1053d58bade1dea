import { issueOf, invalidSpec } from "../parts/options.js";
import type { PolicyPart } from "../policy/assemble.js";
import type { Explanation } from "../policy/explanation.js";
import type { AsyncFunction, Policy, ReturnsPromise } from "../policy/policy.js";
import { Declared } from "./declared.js";
import { declareAt, declaredBy } from "./homes.js";
import { checkMethod } from "./method-checks.js";

type MethodsOf<C> = {
  [N in keyof C]: C[N] extends AsyncFunction
    ? C[N] extends ReturnsPromise<C[N]>
      ? N
      : never
    : never;
}[keyof C];
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
  if (typeof target !== "function" || typeof target.prototype !== "object")
    throw invalidSpec([issueOf("protect", "a class", target)]);
  const names = Reflect.ownKeys(methods) as (keyof typeof methods)[];
  const missing = names.filter((name) => homeOf(target, name) === undefined);
  if (missing.length > 0)
    throw invalidSpec(
      missing.map((name) =>
        issueOf(
          `protect(${target.name}).${String(name as PropertyKey)}`,
          "a method of the class",
          undefined,
        ),
      ),
    );
  const protectedOnes = names.map((name) => declaredOf(target, name, methods[name])); // all are checked before any is changed
  for (const declared of protectedOnes) put(target, declared);
}

function declaredOf(target: Function, name: string | symbol, given: unknown): Declared {
  const home = homeOf(target, name) as object;
  const method: unknown = Object.getOwnPropertyDescriptor(home, name)?.value;
  checkMethod(method, name, home);
  return new Declared(method, name, home === target, home, Array.isArray(given) ? given : [given]);
}

function put(target: Function, declared: Declared): void {
  const home = declared.isStatic ? target : (target.prototype as object);
  declareAt(home, declared);
  Object.defineProperty(home, declared.key, { value: declared.wrapped });
}

function homeOf(target: Function, name: string | symbol): object | undefined {
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
  const described: DescribedMethod[] = [];
  const hidden = { methods: new Set<unknown>(), statics: new Set<unknown>() };
  for (let link: unknown = target; isClass(link); link = Object.getPrototypeOf(link)) {
    for (const declared of declaredBy(link)) {
      // A subclass has put its own in its place.
      const { key, isStatic } = declared;
      if (!(isStatic ? hidden.statics : hidden.methods).has(key))
        described.push(describe(declared, link.name));
    }
    for (const key of Reflect.ownKeys(link.prototype as object)) hidden.methods.add(key);
    for (const key of Reflect.ownKeys(link)) hidden.statics.add(key);
  }
  return described;
}

function isClass(value: unknown): value is Function {
  return typeof value === "function" && value.prototype !== undefined;
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
