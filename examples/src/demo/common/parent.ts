import { constants, setPriority } from "node:os";

/** For the processes that the demo starts: hears orders, and never outlives it. */
export function obeyParent(obey: (order: never) => void): void {
  process.on("message", obey as (order: unknown) => void); // the demo sends each script its own kind only
  process.on("disconnect", () => process.exit());
  // A Ctrl-C reaches the whole process group; the demo decides when this process ends.
  process.on("SIGINT", () => {});
  comeFirst();
}

/** Nobody hears it when the demo is about to end; that is no error. */
export function tellParent(report: object): void {
  if (process.connected) process.send?.(report, undefined, {}, () => {});
}

/** What else a busy machine does must not look like a slow client. Few may ask for it: root on Linux, as on a CI. */
function comeFirst(): void {
  try {
    setPriority(constants.priority.PRIORITY_HIGH);
  } catch {
    // Then it shares the machine with all others.
  }
}
