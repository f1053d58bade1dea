/** A real HTTP server on loopback that stands for whatever these scripts call. It can be made to fail for a while. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Upstream {
  readonly url: string;
  /** Requests so far. */
  readonly requests: number;
  /** From now on it answers 503, for so long. */
  failFor(ms: number): void;
  /** So many requests more are answered with 503. */
  failNext(requests: number): void;
  close(): Promise<void>;
}

export async function startUpstream({ answersAfterMs = 0 } = {}): Promise<Upstream> {
  let requests = 0;
  let failsUntil = 0;
  let failsLeft = 0;
  const server = createServer((request, response) => {
    requests++;
    request.resume();
    response.statusCode = failsLeft-- > 0 || performance.now() < failsUntil ? 503 : 200;
    const answer = (): void => void response.end(`${request.url} at ${new Date().toISOString()}\n`);
    if (answersAfterMs === 0) answer();
    else setTimeout(answer, answersAfterMs);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    get requests() {
      return requests;
    },
    failFor(ms) {
      failsUntil = performance.now() + ms;
    },
    failNext(times) {
      failsLeft = times;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
