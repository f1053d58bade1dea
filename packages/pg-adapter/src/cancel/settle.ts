import type { PoolClient } from "pg";
import { sessionOf } from "../connection/session.js";
import type { Submit } from "../connection/inside.js";
import { requestCancel } from "./cancel-request.js";

/** A request that came before the statement began is lost: it is asked for again. */
const AGAIN_MS = 250;

/**
 * Has a given-up statement cancelled on the server, and resolves true once its connection is good for the next user; false
 * once it has been cut, as that could not be had in time.
 *
 * A cancel that arrives late hits whatever runs then. So three things must have happened: the statement has ended; the
 * server has closed the connection of the cancel request, and so has sent its signal; and an empty statement has made
 * the round trip after that. A signal is handled before its process reads on, and while it waits for a command it is
 * ignored: whatever is left of the cancel can only hit that empty statement.
 */
export async function settle(
  client: PoolClient,
  submit: Submit,
  ended: Promise<void>,
  limitMs: number,
): Promise<boolean> {
  const session = sessionOf(client);
  const cut = setTimeout(() => session.cut(), limitMs);
  try {
    const isSafe = await cancelled(client, ended, limitMs);
    if (!isSafe) session.cut();
    await ended; // a cut connection ends its statement, too
    if (!session.isCut) await roundTrip(client, submit);
  } finally {
    clearTimeout(cut);
  }
  return !session.isCut;
}

/**
 * Of a lost connection the server does not know yet, and would go on. Nobody else runs anything on it that this could hit.
 */
async function cancelled(
  client: PoolClient,
  ended: Promise<void>,
  limitMs: number,
): Promise<boolean> {
  const session = sessionOf(client);
  let runs = true;
  const end = ended.then(() => void (runs = false));
  // oxlint-disable-next-line no-unmodified-loop-condition -- its end changes it
  while (runs) {
    const isSent = await requestCancel(client, limitMs, () => runs || session.isGone);
    if (!isSent) return false;
    await Promise.race([end, pause(AGAIN_MS)]);
  }
  return true;
}

/** Twice, if the first is what the cancel hits. */
async function roundTrip(client: PoolClient, submit: Submit): Promise<void> {
  for (let tries = 0; tries < 2; tries++) {
    const error = await new Promise<unknown>((resolve) => {
      submit("", undefined, (failure) => sessionOf(client).whenReady(() => resolve(failure)));
    });
    if (!error) return;
  }
  sessionOf(client).cut();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref()); // its connection keeps the process alive
}
