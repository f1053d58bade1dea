import type { ValueChange } from "../../events/catalog.js";

/** One change of a running policy. */
export interface PolicyChange {
  /** What it made it: a policy begins with revision 0. */
  readonly revision: number;
  /** Wall time, in milliseconds since 1970. */
  readonly at: number;
  /** What did it; `part`: somebody who holds the part retuned it. */
  readonly how: "retune" | "tune" | "file" | "code" | "part" | "override";
  readonly by?: string;
  readonly why?: string;
  readonly changes: readonly ValueChange[];
}

const MOST_KEPT = 20;

/** The last changes of a policy, oldest first. */
export class History {
  revision = 0;
  #changes: readonly PolicyChange[] = [];

  get changes(): readonly PolicyChange[] {
    return this.#changes;
  }

  add(change: Omit<PolicyChange, "revision">): PolicyChange {
    const entry = Object.freeze({ revision: ++this.revision, ...change });
    this.#changes = [...this.#changes, entry].slice(-MOST_KEPT);
    return entry;
  }
}
