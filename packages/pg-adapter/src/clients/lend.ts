import { reportEvent } from "@breakwater/core";
import type { PoolClient } from "pg";
import { flawOf, type Guarded } from "../pool/guarded.js";
import { settlingOf } from "./checked-out.js";
import { sessionOf } from "../connection/session.js";

/** The end of a stream is told a moment before the server says that it is ready. */
const BUSY_GRACE_MS = 100;

/**
 * Gives a client to the user with a `release` that looks at what comes back: nobody else may get a connection that is in
 * a transaction, at work, or gone.
 */
export function lend(guarded: Guarded, client: PoolClient, release: (error?: unknown) => void) {
  let isReleased = false;
  const takeBack = (error?: unknown): void => {
    if (isReleased) return release(error); // pg says so
    isReleased = true;
    const settling = settlingOf(client);
    if (error) release(error);
    else if (settling !== undefined)
      // oxlint-disable-next-line promise/no-promise-in-callback -- `error` is what pg calls it
      void settling.then(() => takeBackNow(guarded, client, release));
    else if (flawOf(client) === "busy")
      whenNotBusy(client, () => takeBackNow(guarded, client, release));
    else takeBackNow(guarded, client, release);
  };
  client.release = takeBack;
  return takeBack;
}

function takeBackNow(
  guarded: Guarded,
  client: PoolClient,
  release: (error?: unknown) => void,
): void {
  const flaw = flawOf(client);
  release(flaw !== undefined);
  if (flaw !== undefined) reportEvent(guarded.policy, "client.destroyed", { reason: flaw });
}

function whenNotBusy(client: PoolClient, then: () => void): void {
  let isOver = false;
  const once = (): void => {
    clearTimeout(timer);
    if (!isOver) then();
    isOver = true;
  };
  const timer = setTimeout(once, BUSY_GRACE_MS);
  sessionOf(client).whenReady(once);
}
