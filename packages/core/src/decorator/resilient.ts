import { type Assembly, assemble, type PolicyPart, recommended } from "../policy/assemble.js";
import type { AsyncFunction, Policy, ReturnsPromise } from "../policy/policy.js";
import { declarationOf, Declared, type Given } from "./declared.js";
import { declareAt, declaredAt } from "./homes.js";
import { invalidSpec, issueOf } from "../parts/options.js";
import { checkMethod, notAMethod } from "./method-checks.js";
import { copyMetadata } from "./reflect-metadata.js";

// Standard decorators get `context.metadata` only where this symbol exists before the class is evaluated.
(Symbol as { metadata?: symbol }).metadata ??= Symbol.for("Symbol.metadata");

type Class = abstract new (...args: never[]) => object;

/** What `@Resilient(...)` is: a decorator for methods that return a promise, and for classes, in both dialects. */
export interface ResilientDecorator {
  /** Standard decorators, on a method. */
  <M extends AsyncFunction, T>(
    method: ReturnsPromise<M>,
    context: ClassMethodDecoratorContext<T, M>,
  ): M;
  /** Standard decorators, on a class. */
  <C extends Class>(target: C, context: ClassDecoratorContext<C>): void;
  /** `experimentalDecorators`, on a method. */
  <M extends AsyncFunction>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<ReturnsPromise<M>>,
  ): void;
  /** `experimentalDecorators`, on a class. */
  (target: Class): void;
}

/**
 * Runs every call of a method under a policy: one made of the given parts, or one that has been made before.
 *
 * Each decorated method has a state of its own, but for the parts that it shares with others. On a class it sets the
 * parts and options of those methods that carry `@Resilient()`; the method's own win, kind by kind, and `null` takes a
 * kind away. Name, length, `this`, types and metadata of the method stay as they are, and so do its results and errors.
 *
 * Without anything it means the recommended set: breaker, budget, retries.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem of the options; `ERR_NOT_A_METHOD` on anything but a
 * method that returns a promise. A name that nobody has defined rejects the first call with `ERR_UNKNOWN_POLICY`.
 * @example
 * const breaker = circuitBreaker({ consecutiveFailures: 5, openMs: "15s" });
 * const budget = retryBudget({ ratio: 0.2 });
 *
 * class Rates {
 *   \@Resilient(breaker, budget)
 *   async latest(base: string): Promise<Quote> { ... }
 *
 *   \@Resilient(breaker, budget, { idempotent: false })
 *   async order(order: Order): Promise<Receipt> { ... }
 *
 *   \@Resilient("ledger")
 *   async post(entry: Entry): Promise<void> { ... }
 * }
 */
export function Resilient(policy: string | Policy): ResilientDecorator;
export function Resilient(...parts: readonly PolicyPart[]): ResilientDecorator;
export function Resilient(...given: Given): ResilientDecorator {
  if (isDecoration(given))
    throw invalidSpec([issueOf("@Resilient", "its parentheses", "none", "Write @Resilient()")]);
  declarationOf(given); // what can never work is said at once
  const decorate = (
    target: unknown,
    second: unknown,
    descriptor?: PropertyDescriptor | number,
  ): unknown => {
    if (typeof descriptor === "number")
      throw notAMethod(
        (second as string | undefined) ?? "constructor",
        "is a parameter",
        "Decorate the method itself",
      );
    if (isContext(second))
      return second.kind === "class"
        ? onClass(target, second, given)
        : onMethod(target, second, given);
    if (second === undefined) return onClass(target, undefined, given);
    return onLegacyMethod(target as object, second as string | symbol, descriptor, given);
  };
  return decorate as ResilientDecorator;
}

/** Without its parentheses it is called with the method it stands on, as a decorator would be. */
function isDecoration({ length, 1: second }: Given): boolean {
  return (
    isContext(second) ||
    (length === 3 && (typeof second === "string" || typeof second === "symbol"))
  );
}

type Context = ClassDecoratorContext | ClassMethodDecoratorContext;

function isContext(value: unknown): value is Context {
  return (
    typeof value === "object" && value !== null && "kind" in value && "addInitializer" in value
  );
}

function onMethod(
  method: unknown,
  context: Exclude<Context, ClassDecoratorContext>,
  given: Given,
): AsyncFunction {
  const { name, kind, metadata } = context;
  if (kind !== "method")
    throw notAMethod(name, `is a ${String(kind)}`, "Fields and accessors have no calls to protect");
  checkMethod(method, name);
  return declare(method, name, context.static, metadata, given).wrapped;
}

function onLegacyMethod(
  target: object,
  name: string | symbol,
  descriptor: PropertyDescriptor | undefined,
  given: Given,
): object {
  const method: unknown = descriptor?.value;
  checkMethod(method, name, target);
  const isStatic = typeof target === "function";
  return { ...descriptor, value: declare(method, name, isStatic, target, given).wrapped };
}

function declare(
  method: AsyncFunction,
  name: string | symbol,
  isStatic: boolean,
  home: object | undefined,
  given: Given,
): Declared {
  const declared = new Declared(method, name, isStatic, home, given);
  copyMetadata(method, declared.wrapped);
  if (home !== undefined) declareAt(home, declared);
  return declared;
}

function onClass(target: unknown, context: ClassDecoratorContext | undefined, given: Given): void {
  if (typeof target !== "function")
    throw notAMethod(String(target), "is no class", "Put it on a class or a method");
  const defaults = classDefaults(given);
  const places = [target, target.prototype as object, context?.metadata];
  for (const declared of declaredAt(places)) declared.completeWith(target.name, defaults);
}

/** A class is one dependency unless it says otherwise: without parts, its methods share the recommended ones. */
function classDefaults(given: Given): Assembly {
  const assembly = assemble(given);
  return assembly.isBare ? { ...assembly, parts: recommended(), isBare: false } : assembly;
}
