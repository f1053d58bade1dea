import type { Call } from "@breakwater/core";
import type { AxiosError, AxiosResponse, InternalAxiosRequestConfig } from "axios";
import { markOwnFailure } from "../classify/own-failures.js";
import { copyOf, describe, type Described, prepare, tellDeadline } from "./attempt-config.js";
import { lendSignal, signalOf, type SignalSource } from "./attempt-signal.js";
import { discard, isStream } from "../config/body.js";
import type { SharedSignal } from "../policy/drain-signals.js";
import { onBreak } from "./broken-streams.js";
import type { RequestAttempt } from "../options/report.js";
import type { Sending } from "./sending.js";

/** The attempts of one request, one after the other; it is their report as well. */
export class Attempts implements SignalSource {
  readonly policy: string;
  readonly key: string | undefined;
  readonly attempts: RequestAttempt[] = [];
  readonly #sending: Sending;
  /** What later attempts must find as the first one found it. */
  #described: Described | undefined = undefined;
  /** Of the attempt that runs. */
  #call: Call | undefined = undefined;
  #config: InternalAxiosRequestConfig | undefined = undefined;
  #signal: AbortSignal | undefined = undefined;
  readonly #callers: InternalAxiosRequestConfig["signal"];
  #shared: SharedSignal | undefined = undefined;
  /** The body of the last failure, until somebody gets it. */
  #unread: unknown = undefined;

  constructor(sending: Sending) {
    this.policy = sending.policy.name;
    this.key = sending.key;
    this.#sending = sending;
    this.#callers = sending.config.signal;
  }

  next(call: Call): Promise<AxiosResponse> {
    this.end();
    discard(this.#unread);
    this.#unread = undefined;
    const config = this.#prepare(call);
    const { beforeAttempt } = this.#sending.options;
    return beforeAttempt === undefined
      ? this.#run(config)
      : this.#changed(config, call.attempt).then(() => this.#run(config));
  }

  /** Nobody waits for the last attempt any more: whoever sees its config now expects the caller's own signal there. */
  end(): void {
    this.#call = this.#config = this.#signal = undefined;
  }

  signalFor(config: InternalAxiosRequestConfig): InternalAxiosRequestConfig["signal"] {
    if (this.#call === undefined || config !== this.#config) return this.#callers;
    return (this.#signal ??= signalOf(this.#call, config, this.#sending.caller.signal));
  }

  #prepare(call: Call): InternalAxiosRequestConfig {
    try {
      return this.#configFor(call);
    } catch (error) {
      markOwnFailure(error);
      throw error;
    }
  }

  /**
   * A copy costs a quarter of what axios itself does for a request. So the first attempt has the config itself, and what
   * may be written to it is kept for those that follow; unless `beforeAttempt` may write anything.
   */
  #configFor(call: Call): InternalAxiosRequestConfig {
    const { config: given, asked, options, traits } = this.#sending;
    if (call.attempt === 1) prepare(this.#sending, this);
    if (traits.retries || options.beforeAttempt) this.#described ??= describe(given);
    const isItself = call.attempt === 1 && options.beforeAttempt === undefined;
    const config = isItself ? given : copyOf(this.#sending, this.#described ?? describe(given));
    if (asked.body !== undefined) config.data = asked.body();
    if (options.deadlineHeader !== undefined) tellDeadline(config, call, options.deadlineHeader);
    this.#giveSignal(config, call); // last: from here on each way out takes it back
    return config;
  }

  #giveSignal(config: InternalAxiosRequestConfig, call: Call): void {
    const { cutBy, traits } = this.#sending;
    if (cutBy === "drain") {
      this.#shared = traits.drainSignals.lend();
      config.signal = this.#shared.signal;
    } else if (cutBy === "call") {
      this.#call = call;
      this.#config = config;
      lendSignal(config);
    }
  }

  async #changed(config: InternalAxiosRequestConfig, attempt: number): Promise<void> {
    try {
      await this.#sending.options.beforeAttempt?.(config, attempt);
    } catch (error) {
      this.#ended(config);
      markOwnFailure(error);
      throw error;
    }
  }

  #run(config: InternalAxiosRequestConfig): Promise<AxiosResponse> {
    const beganMs = performance.now();
    return this.#begin(config).then(
      (response) => {
        this.#ended(config);
        const { status } = response;
        const attempt = this.attempts.length + 1;
        this.attempts.push({ attempt, durationMs: msSince(beganMs), status });
        this.#answered(response);
        return response;
      },
      (error: AxiosError) => {
        this.#ended(config);
        this.#failed(error, msSince(beganMs));
        throw error;
      },
    );
  }

  #begin(config: InternalAxiosRequestConfig): Promise<AxiosResponse> {
    try {
      return this.#sending.inner(config);
    } catch (error) {
      this.#ended(config); // an adapter need not be asynchronous
      throw error;
    }
  }

  /** One whose time was over long ago may end while the next one runs. */
  #ended(config: InternalAxiosRequestConfig): void {
    if (config === this.#config) this.end();
    if (this.#shared === undefined) return;
    if (config.signal === this.#shared.signal) delete config.signal;
    this.#sending.traits.drainSignals.giveBack(this.#shared);
    this.#shared = undefined;
  }

  #failed(error: AxiosError | undefined, durationMs: number): void {
    const { response, code } = error ?? {};
    this.attempts.push({
      attempt: this.attempts.length + 1,
      durationMs,
      ...(response !== undefined && { status: response.status }),
      ...(code !== undefined && { code }),
    });
    this.#unread = response?.data;
  }

  /** Its outcome is known by its headers. What becomes of a stream after that is an outcome of its own. */
  #answered({ data }: AxiosResponse): void {
    this.#unread = data;
    if (!isStream(data)) return;
    onBreak(data, (error) => void this.#broke(error));
  }

  async #broke(error: unknown): Promise<void> {
    const { policy, key, rules, caller } = this.#sending;
    const again = { key, signal: caller.signal, classify: rules, maxAttempts: 1 };
    try {
      await policy.execute(() => {
        throw error;
      }, again);
    } catch {
      // Whoever reads the stream has the error already.
    }
  }
}

function msSince(beganMs: number): number {
  return Math.round(performance.now() - beganMs);
}
