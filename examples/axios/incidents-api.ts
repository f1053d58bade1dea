/** An API of incidents on loopback, page by page; as flaky as such APIs are when they are needed most. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Incident {
  readonly id: string;
  readonly severity: "low" | "high";
  readonly open: boolean;
}

export interface Page {
  readonly incidents: readonly Incident[];
  readonly next: string | null;
}

export interface IncidentsApi {
  readonly url: string;
  readonly requests: number;
  /** How many notes were written; a note that was sent twice under one key is one. */
  readonly notes: number;
  close(): Promise<void>;
}

const INCIDENTS = Array.from({ length: 95 }, (_, index) => ({
  id: `inc-${index + 1}`,
  severity: index % 9 === 0 ? ("high" as const) : ("low" as const),
  open: index % 2 === 0,
}));
const PAGE = 10;

/** Every fourth request goes wrong, each time in another way. */
const FAULTS: readonly ((request: IncomingMessage, response: ServerResponse) => void)[] = [
  (_, response) => void response.writeHead(503).end(),
  (request) => void request.socket.resetAndDestroy(),
  (_, response) => void response.writeHead(429, { "retry-after": "0.2" }).end(),
  (request, response) =>
    void response
      .writeHead(200, { "content-length": "500" })
      .write('{"incidents":[', () => request.socket.resetAndDestroy()),
];

export async function startIncidentsApi(): Promise<IncidentsApi> {
  const notes = new Set<unknown>();
  let requests = 0;
  const server = createServer((request, response) => {
    request.resume();
    requests++;
    const isNote = request.method === "POST";
    if (isNote) notes.add(request.headers["idempotency-key"] ?? requests);
    const fault = requests % 4 === 0 ? FAULTS[(requests / 4) % FAULTS.length] : undefined;
    if (fault !== undefined) return fault(request, response);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(isNote ? { written: true } : pageAt(request.url ?? "/")));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    get requests() {
      return requests;
    },
    get notes() {
      return notes.size;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function pageAt(url: string): Page {
  const from = Number(new URL(url, "http://localhost").searchParams.get("from") ?? 0);
  const end = from + PAGE;
  return {
    incidents: INCIDENTS.slice(from, end),
    next: end < INCIDENTS.length ? `/incidents?from=${end}` : null,
  };
}
