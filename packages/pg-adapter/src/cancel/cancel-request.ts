import type { ClientBase } from "pg";
import { type ConnectionInside, insideOf } from "../connection/inside.js";

type MakeConnection = new (config: object) => ConnectionInside;

interface Located {
  readonly host: string;
  readonly port: number;
  readonly ssl: boolean | object;
  readonly sslNegotiation?: string;
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
  const { ssl, sslNegotiation } = client as unknown as Located;
  const Connection = connection.constructor as MakeConnection;
  const own = new Connection({ ssl, ...(sslNegotiation && { sslNegotiation }) });
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

/** To the same server: a name may lead elsewhere by now. With TLS the name is what its certificate is for. */
function connectLike(own: ConnectionInside, client: ClientBase): void {
  const { host, port, ssl } = client as unknown as Located;
  const { remoteAddress, remotePort } = insideOf(client).connection?.stream ?? {};
  if (host.startsWith("/")) own.connect(`${host}/.s.PGSQL.${port}`);
  else own.connect(remotePort ?? port, ssl ? host : (remoteAddress ?? host));
}
