import type { InternalAxiosRequestConfig } from "axios";

/** As axios tells an address that needs no base. */
const ABSOLUTE = /^(?:[a-z][a-z\d+\-.]*:)?\/\//i;
/** What of an address may say which host it is of. */
const ORIGIN = /^(?:[a-z][a-z\d+\-.]*:)?\/\/[^/?#\\]*/i;

const MOST_KNOWN = 1_000;
/** Parsing an address costs more than all else that is done here; the hosts of a program are few. */
const known = new Map<string, string | undefined>();
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
  if (last?.address !== address) last = { address, host: hostAt(address) };
  return last.host;
}

function hostAt(address: string): string | undefined {
  const [origin] = ORIGIN.exec(address) ?? [address];
  if (!known.has(origin)) {
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(origin, hostIn(origin));
  }
  return known.get(origin);
}

function hostIn(address: string): string | undefined {
  const full = address.startsWith("//") ? `http:${address}` : address;
  const host = URL.canParse(full) ? new URL(full).host : "";
  return host === "" ? undefined : host;
}
