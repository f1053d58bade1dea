/**
 * An incident tool: walks all incidents of an API page by page, and writes a note to those that are open and grave. The
 * API fails at every fourth request; the tool does not care, and writes no note twice.
 *
 *   node examples/axios/incidents.ts
 */
import { install } from "@breakwater/axios-adapter";
import { circuitBreaker, deadline, explainError, retry, retryBudget } from "@breakwater/core";
import axios from "axios";
import { type Incident, type Page, startIncidentsApi } from "./incidents-api.ts";

const api = await startIncidentsApi();

const client = axios.create({ baseURL: process.env["INCIDENTS_URL"] ?? api.url, timeout: 2_000 });
install(
  client,
  circuitBreaker(),
  retryBudget({ ratio: 0.5 }),
  retry({ baseMs: 20 }),
  deadline("10s"),
  { name: "incidents", idempotencyKey: true },
);

async function* allIncidents(): AsyncGenerator<Incident> {
  let next: string | null = "/incidents";
  while (next !== null) {
    const { data }: { data: Page } = await client.get<Page>(next);
    yield* data.incidents;
    ({ next } = data);
  }
}

try {
  let seen = 0;
  let noted = 0;
  for await (const { id, severity, open } of allIncidents()) {
    seen++;
    if (severity !== "high" || !open) continue;
    await client.post(`/incidents/${id}/notes`, { text: "on it" });
    noted++;
  }
  console.log(
    `${seen} incidents, ${noted} notes written (${api.notes} at the API); ${api.requests} requests`,
  );
} catch (error) {
  console.error(String(explainError(error) ?? error));
  process.exitCode = 1;
} finally {
  await api.close();
}
