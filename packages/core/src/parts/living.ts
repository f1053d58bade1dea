/** Objects that are listed, and not kept alive by it. */
export class Living<T extends object> implements Iterable<T> {
  #references: WeakRef<T>[] = [];
  #sweepAt = 64;

  add(object: T): void {
    if (this.#references.push(new WeakRef(object)) >= this.#sweepAt) this.#sweep();
  }

  remove(object: T): void {
    this.#references = this.#references.filter((reference) => reference.deref() !== object);
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const reference of this.#references) {
      const object = reference.deref();
      if (object !== undefined) yield object;
    }
  }

  #sweep(): void {
    this.#references = this.#references.filter((reference) => reference.deref() !== undefined);
    this.#sweepAt = Math.max(64, 2 * this.#references.length);
  }
}
