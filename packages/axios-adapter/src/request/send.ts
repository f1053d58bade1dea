import type { AxiosResponse } from "axios";
import { isReplayable } from "./attempt-config.js";
import { Attempts } from "./attempts.js";
import { isIdempotent } from "../config/idempotency.js";
import type { Sending } from "./sending.js";

/** Sends a request under its policy: as often as that allows, and not at all where it refuses. */
export function send(sending: Sending): Promise<AxiosResponse> {
  const { policy, key, asked, rules, caller, cutBy } = sending;
  const attempts = new Attempts(sending);
  const sent = policy.execute<AxiosResponse>((call) => attempts.next(call), {
    signal: caller.signal,
    key,
    deadlineMs: asked.deadlineMs,
    idempotent: mayRepeat(sending),
    maxAttempts: isReplayable(sending) ? asked.maxAttempts : 1,
    classify: rules,
  });
  return caller.release === undefined && cutBy !== "call"
    ? sent
    : sent.finally(() => {
        attempts.end();
        caller.release?.();
      });
}

function mayRepeat({ asked, options, config }: Sending): boolean {
  const { idempotent = isIdempotent } = options;
  return asked.idempotent ?? (typeof idempotent === "function" ? idempotent(config) : idempotent);
}
