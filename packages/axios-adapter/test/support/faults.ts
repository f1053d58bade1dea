import { makeCertificate } from "./certificate.js";
import {
  after,
  answer,
  type Behaviour,
  closedPort,
  cutMidway,
  hang,
  reset,
  resetMidway,
  serve,
  serveTls,
  stall,
} from "./server.js";

/** A way in which a request goes wrong, and a server where it does. */
export type Fault = readonly [name: string, url: () => Promise<string>, timeout?: number];

export const certificate = makeCertificate();

const served = (behaviour: Behaviour) => async () => (await serve(behaviour)).url;
const hinted = (status: number, hint: () => string): Fault[1] =>
  served((request, response) => answer(status, { "retry-after": hint() })(request, response));
/** Dates have whole seconds: this one is 1.5 s away at least, as one that is over when it arrives says nothing. */
const date = (): string => new Date(Date.now() + 2_500).toUTCString();

/** Only where nothing comes, and longer where something must: a busy machine must not make another fault of it. */
const WAIT_MS = 1_000;

export const FAULTS: readonly Fault[] = [
  ["connection refused", async () => `http://127.0.0.1:${await closedPort()}`],
  ["name not found", async () => "http://nowhere.invalid"],
  ["certificate not trusted", async () => (await serveTls(certificate, answer(200))).url],
  ["reset before an answer", served(reset)],
  ["reset in the middle of the body", served(resetMidway)],
  ["a body that ends too soon", served(cutMidway)],
  ["no answer (black hole)", served(hang), WAIT_MS],
  ["headers too late", served(after(5_000, answer(200))), WAIT_MS],
  ["a body that does not go on", served(stall), 2 * WAIT_MS],
  ["redirects without end", served(answer(302, { location: "/" }))],
  ["404", served(answer(404))],
  ["500", served(answer(500))],
  ["429", served(answer(429))],
  ["429 with Retry-After in seconds", hinted(429, () => "0.05")],
  ["429 with Retry-After as a date", hinted(429, date)],
  ["503 with Retry-After in seconds", hinted(503, () => "0.05")],
  ["503 with Retry-After as a date", hinted(503, date)],
  ["503 with Retry-After beyond maxRetryAfterMs", hinted(503, () => "3600")],
  ["503 with a Retry-After that is no time", hinted(503, () => "soon")],
];
