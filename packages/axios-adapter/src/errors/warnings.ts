/** Says something once: an instance that sends a million requests says it no more often. */
export class Warnings {
  readonly #said = new Set<string>();

  once(code: `BREAKWATER_${string}`, message: string): void {
    if (this.#said.has(code)) return;
    this.#said.add(code);
    process.emitWarning(message, { type: "BreakwaterWarning", code });
  }
}
