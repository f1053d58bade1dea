import { deadLetter, resilient } from "@breakwater/core";

/**
 * Gives up on a call every `pauseMs` (0: five at once) until somebody ends the process; prints the id of each record once
 * the sink has it.
 *
 * @param {import("@breakwater/core").DeadLetterSink} sink
 * @param {number} pauseMs
 */
export async function writeUntilEnded(sink, pauseMs) {
  const letters = deadLetter({
    sink,
    payload: (order) => ({ order, filling: "x".repeat(order % 3_000) }),
    redact: (text) => text,
  });
  const policy = resilient(letters, { name: "billing" });
  policy.on("dead_letter.written", ({ id }) => process.stdout.write(`${id}\n`));
  const send = policy.wrap(async () => {
    throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  });

  const ending = new AbortController();
  process.on("SIGTERM", () => ending.abort());
  for (let order = 0; !ending.signal.aborted; order++) {
    await send(order).catch(() => {});
    if (pauseMs !== 0 || order % 5 === 0)
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  await policy.drain();
}
