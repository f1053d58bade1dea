// As a user writes it, in a CommonJS module: axios comes with its other types there. Hooks
// get the types of the ES module, so they leave their parameters to be inferred.
import { install, type RequestResilience, resilienceOf } from "@breakwater/axios-adapter";
import { circuitBreaker, retryBudget } from "@breakwater/core";
import axios = require("axios");

const client: axios.AxiosInstance = axios.create({ resilience: { deadlineMs: "2s" } });
const { eject } = install(client, circuitBreaker(), retryBudget(), {
  key: ({ url = "" }) => url,
  isFailure: (response) => response.status === 202,
  beforeAttempt: (config, attempt) => void config.headers.set("X-Attempt", attempt),
});
const asked: RequestResilience = { maxAttempts: 1, idempotencyKey: true };

export async function get(): Promise<number | undefined> {
  const response = await client.get<{ id: number }>("/", { resilience: asked });
  client.interceptors.request.use((config) => {
    config.resilience = { off: true };
    return config;
  });
  const attempts = response.config.resilience?.report?.attempts;
  return attempts?.at(-1)?.durationMs ?? response.data.id;
}

// @ts-expect-error -- there is no such option
client.get("/", { resilience: { retries: 3 } }).catch(() => {});
// @ts-expect-error -- a number is not how it is switched off
client.get("/", { resilience: { off: 1 } }).catch(() => {});

resilienceOf(client)?.on("circuit.opened", ({ key }) => void key?.length);
eject();
