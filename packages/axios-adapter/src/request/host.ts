import type { InternalAxiosRequestConfig } from "axios";

/** As axios tells an address that needs no base. */
const ABSOLUTE = /^(?:[a-z][a-z\d+\-.]*:)?\/\//i;

/** Most requests of an instance go where the last one went. */
let last: { readonly address: string; readonly host: string | undefined } | undefined;

/**
 * The host that a request goes to, with its port where that is not the usual one; the path of a socket. Undefined for an
 * address without a host, which axios will refuse.
 */
export function hostOf(config: InternalAxiosRequestConfig): string | undefined {
  const { url = "", baseURL, socketPath, allowAbsoluteUrls } = config;
  if (typeof socketPath === "string") return `unix:${socketPath}`;
  const usesBase = baseURL && (allowAbsoluteUrls === false || !ABSOLUTE.test(url));
  const address = usesBase ? baseURL : url;
  if (last?.address !== address) last = { address, host: hostIn(address) };
  return last.host;
}

function hostIn(address: string): string | undefined {
  const full = address.startsWith("//") ? `http:${address}` : address;
  const host = URL.canParse(full) ? new URL(full).host : "";
  return host === "" ? undefined : host;
}
