import type { OutcomeRules } from "@breakwater/core";
import type { AxiosInstance, AxiosResponse, InternalAxiosRequestConfig } from "axios";
import { resilient } from "@breakwater/core";
import { rulesFor } from "./classify/rules.js";
import { parseRequestOptions, type RequestResilience } from "./options/request-options.js";
import type { Source } from "./policy/source.js";
import { traitsOf } from "./policy/traits.js";
import { keepAxiosRetryOut } from "./request/axios-retry.js";
import { callerOf } from "./request/caller-signal.js";
import { whatCutsShort } from "./request/cut-short.js";
import { hostOf } from "./config/host.js";
import { giveIdempotencyKey } from "./config/idempotency.js";
import { bareInstance, type GivenAdapter, innerAdapter } from "./request/inner-adapter.js";
import { send } from "./request/send.js";
import { Warnings } from "./errors/warnings.js";

/** What stands between an instance and its adapter. */
export class Protection {
  readonly #source: Source;
  readonly #bare: AxiosInstance;
  readonly #rules: OutcomeRules;
  readonly #warnings = new Warnings();

  constructor(instance: AxiosInstance, source: Source) {
    this.#source = source;
    this.#bare = bareInstance(instance);
    this.#rules = rulesFor(source.options);
  }

  /**
   * Takes the place of the adapter: after all interceptors, with the body as it will be sent. Interceptors must not throw
   * when they are synchronous, so whatever is wrong with a request is found there, too.
   */
  intercept(config: InternalAxiosRequestConfig): InternalAxiosRequestConfig {
    const { adapter } = config;
    if (!isCacheHit(adapter)) config.adapter = (final) => this.#send(final, adapter);
    return config;
  }

  #send(config: InternalAxiosRequestConfig, given: GivenAdapter): Promise<AxiosResponse> {
    try {
      return this.#sendUnder(parseRequestOptions(config.resilience), config, given);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #sendUnder(
    asked: RequestResilience,
    config: InternalAxiosRequestConfig,
    given: GivenAdapter,
  ): Promise<AxiosResponse> {
    const { options, pick, picks } = this.#source;
    const inner = innerAdapter(this.#bare, given);
    const policy = asked.off === true ? undefined : (policyOf(asked) ?? pick(config));
    if (policy === undefined) {
      config.adapter = given as NonNullable<GivenAdapter>;
      return inner(config);
    }
    const traits = traitsOf(policy);
    keepAxiosRetryOut(config, traits, this.#warnings);
    const makeKey = asked.idempotencyKey ?? options.idempotencyKey ?? false;
    if (makeKey !== false) giveIdempotencyKey(config, makeKey);
    const key = asked.key ?? this.#keyOf(config);
    if (asked.policy === undefined) picks?.note(key, policy);
    const caller = callerOf(config);
    const rules = this.#rules;
    return send({
      config,
      given,
      inner,
      policy,
      traits,
      key,
      asked,
      options,
      rules,
      caller,
      cutBy: whatCutsShort(traits, asked, caller, config),
    });
  }

  #keyOf(config: InternalAxiosRequestConfig): string | undefined {
    const { key } = this.#source.options;
    if (key === undefined) return hostOf(config);
    try {
      const made: unknown = key(config);
      if (typeof made === "string" && made !== "") return made;
      this.#keyFailed(`returned ${made === "" ? "an empty text" : typeof made}`);
    } catch (error) {
      this.#keyFailed(`threw: ${String(error)}`);
    }
    return hostOf(config);
  }

  #keyFailed(how: string): void {
    this.#warnings.once(
      "BREAKWATER_AXIOS_KEY",
      `The key function of install() ${how}. It must return a text; the host is the key of such requests.`,
    );
  }
}

function policyOf({ policy }: RequestResilience): Exclude<RequestResilience["policy"], string> {
  return typeof policy === "string" ? resilient(policy) : policy;
}

/** axios-cache-interceptor answers from its cache by an adapter of this name: nothing is sent then. */
function isCacheHit(adapter: GivenAdapter): boolean {
  return typeof adapter === "function" && adapter.name === "cachedAdapter";
}
