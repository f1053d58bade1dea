export interface PoolOptions {
  readonly workers: number;
  readonly queueLimit: number;
  /** How long the next piece of work takes. */
  readonly serviceMs: () => number;
}

/**
 * A server's capacity: so many pieces of work at once, so many that wait. Work is done whether or not somebody still
 * waits for it: a server cannot know.
 */
export class WorkerPool {
  #workers: number;
  #busy = 0;
  readonly #queue: (() => void)[] = [];
  readonly #options: PoolOptions;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#workers = options.workers;
  }

  /** Calls `answer` when the work is done. False: the queue is full, and nothing will be done. */
  accept(answer: () => void): boolean {
    if (this.#busy < this.#workers) this.#work(answer);
    else if (this.#queue.length < this.#options.queueLimit) this.#queue.push(answer);
    else return false;
    return true;
  }

  /** Other workers than before; those too many finish what they do. */
  resize(workers: number): void {
    this.#workers = workers;
    this.#fill();
  }

  #fill(): void {
    while (this.#busy < this.#workers) {
      const answer = this.#queue.shift();
      if (answer === undefined) return;
      this.#work(answer);
    }
  }

  #work(answer: () => void): void {
    this.#busy++;
    setTimeout(() => {
      this.#busy--;
      answer();
      this.#fill();
    }, this.#options.serviceMs());
  }
}
