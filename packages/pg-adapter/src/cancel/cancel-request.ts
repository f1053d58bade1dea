import { isIP } from "node:net";
import type { ClientBase } from "pg";
import { type ConnectionInside, insideOf } from "../connection/inside.js";

type MakeConnection = new (config: object) => ConnectionInside;

/** Where a client is connected to. */
interface Located {
  readonly host: string;
  readonly port: number;
  readonly ssl: boolean | object;
  readonly sslNegotiation?: string;
}

/** The same object: pg has it, and its types do not say so of a client of a pool. */
function locatedOf(client: ClientBase): Located {
  return client as unknown as Located;
}

/**
 * Asks the server to cancel what this client runs: the protocol's CancelRequest, on a connection of its own, with the
 * client's own process and secret. Resolves true once the server has closed that connection, which it does after it has
 * sent the signal; false if that cannot be had within `limitMs`. `isWanted` is asked right before it is sent.
 */
export function requestCancel(
  client: ClientBase,
  limitMs: number,
  isWanted: () => boolean,
): Promise<boolean> {
  const { connection, processID, secretKey } = insideOf(client);
  if (connection === undefined || typeof processID !== "number") return Promise.resolve(false);
  const { ssl, sslNegotiation, host } = locatedOf(client);
  const Connection = connection.constructor as MakeConnection;
  const tls = ssl && tlsFor(host, ssl);
  const own = new Connection({ ssl: tls, ...(sslNegotiation && { sslNegotiation }) });
  return new Promise((resolve) => {
    let failed = false;
    let timer: NodeJS.Timeout | undefined = undefined;
    const fail = (): void => {
      failed = true;
      own.stream.destroy();
    };
    const send = (): void => {
      if (isWanted()) own.cancel(processID, secretKey);
      else own.stream.destroy();
    };
    timer = setTimeout(fail, limitMs);
    own.on("error", fail);
    own.on("end", () => {
      clearTimeout(timer);
      resolve(!failed);
    });
    if (!ssl) own.once("connect", send);
    else
      own
        .once("connect", () => sslNegotiation !== "direct" && own.requestSsl())
        .once("sslconnect", send);
    connectLike(own, client);
  });
}

/** To the same server: a name may lead elsewhere by now, or to one of several. */
function connectLike(own: ConnectionInside, client: ClientBase): void {
  const { host, port } = locatedOf(client);
  const { remoteAddress, remotePort } = insideOf(client).connection?.stream ?? {};
  if (host.startsWith("/")) own.connect(`${host}/.s.PGSQL.${port}`);
  else own.connect(remotePort ?? port, remoteAddress ?? host);
}

/** The address is not what a certificate is for: the name is. pg hides keys from enumeration. */
function tlsFor(host: string, ssl: true | object): object {
  const given = ssl === true ? {} : Object.getOwnPropertyDescriptors(ssl);
  const name = isIP(host) === 0 && { servername: { value: host, enumerable: true } };
  return Object.defineProperties({}, { ...given, ...name });
}
