export interface UpstreamOrder {
  readonly workers: number;
}

/** Its port, once; then when each request arrived, by its own count. */
export type UpstreamReport = { readonly port: number } | { readonly requestsMs: readonly number[] };
