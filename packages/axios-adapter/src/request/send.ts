import type { Call } from "@breakwater/core";
import type { AxiosError, AxiosResponse, InternalAxiosRequestConfig } from "axios";
import { markOwnFailure } from "../classify/own-failures.js";
import { configOfAttempt, isReplayable } from "./attempt-config.js";
import { discard, isStream } from "./body.js";
import { onBreak } from "./broken-streams.js";
import { isIdempotent } from "./idempotency.js";
import type { Sending } from "./sending.js";

/** Sends a request under its policy: as often as that allows, and not at all where it refuses. */
export function send(sending: Sending): Promise<AxiosResponse> {
  const { policy, key, asked, rules, caller } = sending;
  const attempts = new Attempts(sending);
  const sent = policy.execute<AxiosResponse>((call) => attempts.next(call), {
    signal: caller.signal,
    key,
    deadlineMs: asked.deadlineMs,
    idempotent: mayRepeat(sending),
    maxAttempts: isReplayable(sending) ? asked.maxAttempts : 1,
    classify: rules,
  });
  return caller.release === undefined ? sent : sent.finally(caller.release);
}

function mayRepeat({ asked, options, config }: Sending): boolean {
  const { idempotent = isIdempotent } = options;
  return asked.idempotent ?? (typeof idempotent === "function" ? idempotent(config) : idempotent);
}

/** The attempts of one request, one after the other. */
class Attempts {
  readonly #sending: Sending;
  /** The body of the last failure, until somebody gets it. */
  #unread: unknown = undefined;

  constructor(sending: Sending) {
    this.#sending = sending;
  }

  next(call: Call): Promise<AxiosResponse> {
    discard(this.#unread);
    this.#unread = undefined;
    const config = this.#prepare(call);
    const { beforeAttempt } = this.#sending.options;
    return beforeAttempt === undefined
      ? this.#run(config)
      : this.#changed(config, call.attempt).then(() => this.#run(config));
  }

  #prepare(call: Call): InternalAxiosRequestConfig {
    try {
      return configOfAttempt(this.#sending, call);
    } catch (error) {
      markOwnFailure(error);
      throw error;
    }
  }

  async #changed(config: InternalAxiosRequestConfig, attempt: number): Promise<void> {
    try {
      await this.#sending.options.beforeAttempt?.(config, attempt);
    } catch (error) {
      markOwnFailure(error);
      throw error;
    }
  }

  #run(config: InternalAxiosRequestConfig): Promise<AxiosResponse> {
    const beganMs = performance.now();
    const { report, inner } = this.#sending;
    return inner(config).then(
      (response) => {
        report.ended(performance.now() - beganMs, { status: response.status });
        this.#answered(response);
        return response;
      },
      (error: AxiosError) => {
        report.ended(performance.now() - beganMs, outcomeOf(error));
        this.#unread = error?.response?.data;
        throw error;
      },
    );
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

function outcomeOf(error: AxiosError): { status?: number; code?: string | undefined } {
  const { response, code } = error ?? {};
  return response === undefined ? { code } : { code, status: response.status };
}
