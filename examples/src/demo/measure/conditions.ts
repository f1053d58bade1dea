export type Condition = "healthy" | "brown-out" | "down";

/** How the servers were, and since when. They are healthy at first. */
export class Conditions {
  readonly #changes: { readonly atMs: number; readonly condition: Condition }[] = [];

  set(atMs: number, condition: Condition): void {
    this.#changes.push({ atMs, condition });
  }

  at(atMs: number): Condition {
    return this.#changes.findLast((change) => change.atMs <= atMs)?.condition ?? "healthy";
  }

  /** When the last trouble ended; undefined while there is trouble, and before the first. */
  healedMs(untilMs: number): number | undefined {
    const last = this.#changes.findLast((change) => change.atMs <= untilMs);
    return last?.condition === "healthy" ? last.atMs : undefined;
  }
}
