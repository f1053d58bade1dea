import { setTimeout as sleep } from "node:timers/promises";
import type { Explanation, ResilienceEvent } from "@breakwater/core";
import type { Behaviour, FlakyServer } from "./flaky-server.js";
import { observe, type ObservedCall, WATCHED } from "./observed-call.js";
import { breaker, policy, Rates } from "./service.js";

const PACE_MS = 250;

/** One stretch of the story: how the server behaves, and when it is time to go on. */
export interface Phase {
  readonly behaviour: Behaviour;
  readonly says: string;
  readonly calls: number;
  /** Ends the phase early. */
  readonly until?: () => boolean;
}

let openings = 0;
const isClosed = (): boolean => breaker.state() === "closed";

const PHASES: readonly Phase[] = [
  {
    behaviour: "healthy",
    says: "The server is well. Each call earns a fifth of a retry.",
    calls: 5,
  },
  { behaviour: "resets", says: "It resets every second connection.", calls: 4 },
  { behaviour: "errors", says: "It answers every second request with 500.", calls: 5 },
  {
    behaviour: "slow",
    says: "It takes 2 s to answer; an attempt may take 300 ms.",
    calls: 10,
    until: () => openings >= 1,
  },
  {
    behaviour: "gone",
    says: "It is gone: its port is closed.",
    calls: 16,
    until: () => openings >= 2,
  },
  {
    behaviour: "healthy",
    says: "It is back. The circuit finds out by its probes.",
    calls: 24,
    until: isClosed,
  },
  { behaviour: "healthy", says: "All is well again.", calls: 4 },
];

/** What the calls of the story amount to. */
export interface Summary {
  readonly calls: number;
  readonly ok: number;
  readonly failed: number;
  readonly refused: number;
  readonly attempts: number;
  readonly retries: number;
  /** By the server's own count. Attempts that met its closed port never reached it. */
  readonly requestsSeenByServer: number;
  /** Attempts for each call that was let in. */
  readonly amplification: number;
}

/** Whoever is told the story. */
export interface Audience {
  begins(explanation: Explanation, server: { readonly url: string; readonly pid: number }): void;
  phase(phase: Phase): void;
  event(event: ResilienceEvent): void;
  call(call: ObservedCall): void;
  ends(summary: Summary): void;
}

export async function tell(server: FlakyServer, audience: Audience): Promise<void> {
  const { url, pid } = server;
  const rates = new Rates(url);
  const calls: ObservedCall[] = [];
  policy.on("circuit.opened", () => void openings++);
  for (const type of WATCHED) policy.on(type, (event: ResilienceEvent) => audience.event(event));
  audience.begins(policy.explain(), { url, pid });
  for (const phase of PHASES) {
    await server.behave(phase.behaviour);
    audience.phase(phase);
    for (let left = phase.calls; left > 0 && phase.until?.() !== true; left--) {
      const call = await observe(calls.length + 1, () => rates.latest("EUR"));
      calls.push(call);
      audience.call(call);
      await sleep(Math.max(0, PACE_MS - call.tookMs));
    }
  }
  await server.behave("healthy"); // it reports its count
  audience.ends(summarise(calls, server.requests));
}

function summarise(calls: readonly ObservedCall[], requestsSeenByServer: number): Summary {
  const count = (result: ObservedCall["result"]): number =>
    calls.filter((call) => call.result === result).length;
  const attempts = calls.reduce((sum, call) => sum + call.attempts.length, 0);
  const letIn = calls.length - count("refused");
  return {
    calls: calls.length,
    ok: count("ok"),
    failed: count("failed"),
    refused: count("refused"),
    attempts,
    retries: attempts - letIn,
    requestsSeenByServer,
    amplification: Math.round((attempts / letIn) * 100) / 100,
  };
}
