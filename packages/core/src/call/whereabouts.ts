import { AsyncResource } from "node:async_hooks";

/**
 * The asynchronous context of a caller. A wait may be ended by whoever gave back a permit, or by a timer that many calls
 * share; what is done next belongs to the caller's request and trace all the same, and not to theirs.
 */
export class Whereabouts {
  readonly #resource = new AsyncResource("breakwater", { requireManualDestroy: true });

  goOn(step: () => void): void {
    this.#resource.runInAsyncScope(step);
  }
}
