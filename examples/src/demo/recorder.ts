import type { Explanation, ResilienceEvent } from "@breakwater/core";
import type { ObservedCall } from "./observed-call.js";
import type { Audience, Phase, Summary } from "./story.js";

/** Keeps the story, and gives it as one JSON document at its end. */
export class Recorder implements Audience {
  readonly #write: (text: string) => void;
  #beginning: { policy: Explanation; server: { url: string; pid: number } } | undefined;
  readonly #calls: (ObservedCall & { behaviour: string })[] = [];
  readonly #events: ResilienceEvent[] = [];
  #behaviour = "";

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  begins(policy: Explanation, server: { url: string; pid: number }): void {
    this.#beginning = { policy, server };
  }

  phase({ behaviour }: Phase): void {
    this.#behaviour = behaviour;
  }

  event(event: ResilienceEvent): void {
    this.#events.push(event);
  }

  call(call: ObservedCall): void {
    this.#calls.push({ behaviour: this.#behaviour, ...call });
  }

  ends(summary: Summary): void {
    const document = { ...this.#beginning, calls: this.#calls, events: this.#events, summary };
    this.#write(JSON.stringify(document, null, 2));
  }
}
