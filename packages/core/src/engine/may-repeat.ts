import type { ParsedCallOptions } from "../call/call-options.js";
import { ignoreRejection } from "../errors/hooks.js";
import { summarize } from "../errors/summary.js";
import type { Plan } from "./plan.js";

/** Whether a call may be repeated that may have been processed: what it says itself, else what its policy says. */
export function mayRepeat(
  { idempotent, events }: Plan,
  args: readonly unknown[] | undefined,
  options: ParsedCallOptions | undefined,
): boolean {
  const asked = options?.idempotent ?? idempotent ?? true;
  if (typeof asked !== "function") return asked;
  let answer: unknown;
  try {
    answer = asked(...(args ?? []));
    if (typeof answer === "boolean") return answer;
    throw new TypeError("the idempotent function returned neither true nor false");
  } catch (error) {
    ignoreRejection(answer);
    events.emit("hook.failed", { hook: "idempotent", error: summarize(error) });
    return false;
  }
}
