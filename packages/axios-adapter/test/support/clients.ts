import axios, { type AxiosInstance, type CreateAxiosDefaults } from "axios";
import oldest from "axios-oldest";
import { retry, type Retry } from "@breakwater/core";

/** Both ends of what the package claims to work with; the types are those of the newest. */
export const VERSIONS = { newest: axios, oldest: oldest as unknown as typeof axios };

export const VERSION_NAMES = ["newest", "oldest"] as const;

export interface Client {
  readonly version: keyof typeof VERSIONS;
  readonly adapter: "http" | "fetch";
  readonly create: (defaults?: CreateAxiosDefaults) => AxiosInstance;
}

/** Each version with each adapter of Node.js. */
export const CLIENTS: readonly Client[] = VERSION_NAMES.flatMap((version) =>
  (["http", "fetch"] as const).map((adapter) => ({
    version,
    adapter,
    create: (defaults) => VERSIONS[version].create({ adapter, ...defaults }),
    toString: () => `${version}, ${adapter}`,
  })),
);

/** Retries that do not keep a test waiting. */
export const quickly = (maxAttempts = 3): Retry =>
  retry({ maxAttempts, baseMs: 1, jitter: "none" });

/** What a promise rejects with. */
// oxlint-disable-next-line typescript/no-explicit-any -- whatever was thrown: tests look at all of it
export async function rejectionOf(promise: Promise<unknown>): Promise<any> {
  return promise.then(
    (value) => {
      throw new Error(`resolved with ${String(value)}`);
    },
    (error: unknown) => error,
  );
}
