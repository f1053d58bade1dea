/** A service of tenants on loopback, which can be taken down and brought back. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Service {
  readonly url: string;
  /** Requests so far. */
  readonly requests: number;
  isDown: boolean;
  close(): Promise<void>;
}

export async function startService(): Promise<Service> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    request.resume();
    response.statusCode = service.isDown ? 503 : 200;
    response.end(service.isDown ? "down" : "fine");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const service: Service = {
    url: `http://127.0.0.1:${port}`,
    isDown: false,
    get requests() {
      return requests;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return service;
}
