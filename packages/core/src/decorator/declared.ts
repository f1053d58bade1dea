import type { CallOptions } from "../call/call.js";
import { runningFrame } from "../call/call.js";
import { rejectSoon } from "../engine/refusals.js";
import { type Assembly, assemble, overlay } from "../policy/assemble.js";
import { keepIdentity } from "../policy/keep-identity.js";
import { LivePolicy } from "../policy/live-policy.js";
import type { AsyncFunction } from "../policy/policy.js";
import { type NameUser, nameUsers } from "../policy/names.js";
import { lookUp } from "../policy/registry.js";
import { classNameOf } from "./class-name.js";
import { mustReturnPromise } from "./method-checks.js";

/** What `@Resilient` was given: parts and options, the name of a policy, or a policy. */
export type Given = readonly unknown[];

/**
 * One method that has been declared resilient. What was given is checked at once; the policy is made at the first call,
 * when the class has its name and its defaults, and named policies have been defined.
 */
export class Declared implements NameUser {
  /** As it is shown; `key` is what it is found by. */
  readonly method: string;
  readonly key: string | symbol;
  readonly isStatic: boolean;
  readonly wrapped: AsyncFunction;
  readonly #declared: Assembly | LivePolicy | string;
  readonly #original: AsyncFunction;
  readonly #home: object | undefined;
  #classDefaults: Assembly | undefined;
  #className: string | undefined;
  #policy: LivePolicy | undefined;

  constructor(
    original: AsyncFunction,
    key: string | symbol,
    isStatic: boolean,
    home: object | undefined,
    given: Given,
  ) {
    this.method = typeof key === "symbol" ? `[${key.description ?? ""}]` : key;
    this.key = key;
    this.#home = home;
    this.isStatic = isStatic;
    this.#original = mustReturnPromise(original);
    this.#declared = declarationOf(given);
    this.wrapped = keepIdentity(wrapperOf(this), original);
    nameUsers.add(this);
  }

  /** The name of its policy, as far as it is known before the first call. */
  get where(): string {
    const className = this.#className ?? classNameOf(this.#home, undefined);
    return className === undefined ? this.method : `${className}.${this.method}`;
  }

  get wants(): string | undefined {
    return typeof this.#declared === "string" ? this.#declared : undefined;
  }

  /** A class that has not told its name yet may have any. */
  mayMake(name: string): boolean {
    if (isNamed(this.#declared)) return false;
    const { name: own = this.where } = this.#declared.options;
    return name === own || (own === this.method && name.endsWith(`.${own}`));
  }

  /** The class is complete: its name is known, and what it declares for its methods. */
  completeWith(className: string, defaults: Assembly | undefined): void {
    this.#className ??= className;
    if (defaults === undefined || isNamed(this.#declared)) return;
    overlay(defaults, this.#declared); // the class's own and the method's must go together: said now, not at first call
    this.#classDefaults = defaults;
  }

  /** One call of the method. */
  run(self: unknown, args: readonly unknown[], options: CallOptions | undefined): Promise<unknown> {
    if (this.#policy === undefined) return this.#firstCall(self, args, options);
    return this.#policy.run(this.#original, self, args, options);
  }

  /** Never throws: an unknown name rejects, as any other failure of the call would. */
  #firstCall(
    self: unknown,
    args: readonly unknown[],
    options: CallOptions | undefined,
  ): Promise<unknown> {
    try {
      return this.policyOf(classNameOf(this.#home, self)).run(this.#original, self, args, options);
    } catch (error) {
      return rejectSoon(error);
    }
  }

  /** Made when it is first asked for. */
  policyOf(className: string | undefined): LivePolicy {
    return (this.#policy ??= this.#makePolicy(this.#className ?? className));
  }

  #makePolicy(className: string | undefined): LivePolicy {
    const declared = this.#declared;
    if (typeof declared === "string") return lookUp(declared);
    if (declared instanceof LivePolicy) return declared;
    const name = className === undefined ? this.method : `${className}.${this.method}`;
    return new LivePolicy(
      this.#classDefaults === undefined ? declared : overlay(this.#classDefaults, declared),
      name,
    );
  }
}

/** A method with a `this` of its own, which it hands on. */
function wrapperOf(declared: Declared): AsyncFunction {
  return function (this: unknown, ...args: unknown[]): Promise<unknown> {
    return declared.run(this, args, runningFrame()?.callOptions);
  };
}

/** What was given, checked; or a name, for later. */
export function declarationOf(given: Given): Assembly | LivePolicy | string {
  const [only] = given;
  if (given.length === 1 && (typeof only === "string" || only instanceof LivePolicy)) return only;
  return assemble(given);
}

function isNamed(declared: Assembly | LivePolicy | string): declared is LivePolicy | string {
  return typeof declared === "string" || declared instanceof LivePolicy;
}
