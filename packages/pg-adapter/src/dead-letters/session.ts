import { randomBytes } from "node:crypto";
import type { Client, CustomTypesConfig } from "pg";
import { requestCancel } from "../cancel/cancel-request.js";
import { clientFor, hangUp, keepAlive, type LockSource } from "../lock/connection.js";
import { within } from "../transaction/waits.js";
import { BECOME_OWNER } from "./sql.js";

/** Each column as the server wrote it, whatever parsers there are. */
export type Row = Readonly<Record<string, string | null>>;

/** pg asks for nothing else; its types want an overload for each format. */
const AS_WRITTEN = {
  getTypeParser: () => (value: string) => value,
} as unknown as CustomTypesConfig;
const LAST_WORD_MS = 2_000;

/** One connection. */
export class Session {
  /** The number of the lock that it holds once it has claimed: a claim that is marked with it lives as long as this session. */
  readonly owner: string = newOwner();
  readonly #client: Client;
  #isGone = false;
  #owning: Promise<unknown> | undefined = undefined;

  private constructor(client: Client) {
    this.#client = client;
    const gone = (): void => void (this.#isGone = true);
    client.on("error", gone).on("end", gone);
  }

  static async open(source: LockSource, limitMs: number): Promise<Session> {
    const own = { connectionTimeoutMillis: limitMs, binary: false };
    const client = await clientFor(source, "tableDeadLetters", own);
    const session = new Session(client);
    try {
      await client.connect();
      return session;
    } catch (error) {
      hangUp(client);
      throw error;
    }
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  async ask(text: string, values?: readonly unknown[]): Promise<readonly Row[]> {
    const given = values === undefined ? {} : { values: [...values] };
    return (await this.#client.query<Row>({ text, types: AS_WRITTEN, ...given })).rows;
  }

  async becomeOwner(): Promise<void> {
    this.#owning ??= this.ask(BECOME_OWNER, [this.owner]);
    try {
      await this.#owning;
    } catch (error) {
      this.#owning = undefined;
      throw error;
    }
  }

  /** Whether a process stays alive for it. */
  keepAlive(isWanted: boolean): void {
    if (!this.#isGone) keepAlive(this.#client, isWanted);
  }

  /** At once. What may still run is cancelled on the server. */
  abandon(mayStillRun: boolean): void {
    this.#isGone = true;
    if (mayStillRun) void requestCancel(this.#client, LAST_WORD_MS, () => true);
    hangUp(this.#client);
  }

  async close(): Promise<void> {
    this.#isGone = true;
    await within(LAST_WORD_MS, this.#client.end()).catch(() => {});
    hangUp(this.#client);
  }
}

/** Positive, as SQL takes it apart. */
function newOwner(): string {
  const bytes = randomBytes(8);
  return String(bytes.readBigUInt64BE() >> 1n);
}
