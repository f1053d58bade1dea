import { randomUUID } from "node:crypto";
import { CommitUnknownError } from "../../src/index.js";
import { isRefusal } from "@breakwater/core";
import { type PostgresServer, startPostgres } from "../support/postgres/server.ts";
import { type Books, openBank, readBooks, someTransfer, type Transfer } from "./bank.ts";

/** How one kind of pool does the three kinds of work. */
export interface Teller {
  read(): Promise<number>;
  write(id: string): Promise<unknown>;
  transfer(transfer: Transfer): Promise<unknown>;
  end(): Promise<void>;
}

export interface Schedule {
  readonly ms: number;
  readonly killEveryMs: number;
  readonly workers: number;
}

export interface Report {
  readonly calls: number;
  readonly kills: number;
  readonly longestOutageMs: number;
  /** By code, or by message where there is none. */
  readonly errors: Readonly<Record<string, number>>;
  /** Reads that saw money missing, or too much of it. */
  readonly wrongSums: number;
  /** Told to have been done, and not there. */
  readonly lost: number;
  /** Told to have failed for certain, and there all the same. */
  readonly ghosts: number;
  readonly books: Books;
}

/** After this nobody can say whether it was done. */
type Certainty = "done" | "not done" | "unknown";

/** Workers that read, write and transfer, while their server is killed and started again. */
export async function runChaos(
  { ms, killEveryMs, workers }: Schedule,
  total: number,
  makeTeller: (server: PostgresServer) => Teller,
): Promise<Report> {
  await using server = await startPostgres({ settings: { max_connections: 60 } });
  await openBank(server.address);
  const teller = makeTeller(server);
  const work = new Work(teller, total);
  const untilMs = performance.now() + ms;
  const isOver = (): boolean => performance.now() > untilMs;
  const outages = killing(server, killEveryMs, untilMs);
  await Promise.all(Array.from({ length: workers }, () => work.goOn(isOver)));
  const lengths = await outages;
  await teller.end();
  const books = await readBooks(server.address);
  return {
    ...work.report(books),
    kills: lengths.length,
    longestOutageMs: Math.round(Math.max(0, ...lengths)),
    books,
  };
}

/** How long each outage took. */
async function killing(
  server: PostgresServer,
  everyMs: number,
  untilMs: number,
): Promise<number[]> {
  const outages: number[] = [];
  while (performance.now() + everyMs < untilMs) {
    await pause(everyMs);
    const killedMs = performance.now();
    await server.restart();
    outages.push(performance.now() - killedMs);
  }
  return outages;
}

class Work {
  readonly #teller: Teller;
  readonly #total: number;
  readonly #transfers = new Map<string, Certainty>();
  readonly #writes = new Map<string, Certainty>();
  readonly #errors: Record<string, number> = {};
  #calls = 0;
  #wrongSums = 0;

  constructor(teller: Teller, total: number) {
    this.#teller = teller;
    this.#total = total;
  }

  async goOn(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      this.#calls++;
      await this.#one(Math.random());
      await pause(2);
    }
  }

  async #one(dice: number): Promise<void> {
    if (dice < 0.4) return this.#read();
    if (dice < 0.6) {
      const id = randomUUID();
      return this.#note(this.#writes, id, this.#teller.write(id));
    }
    const transfer = someTransfer();
    return this.#note(this.#transfers, transfer.id, this.#teller.transfer(transfer));
  }

  async #read(): Promise<void> {
    try {
      if ((await this.#teller.read()) !== this.#total) this.#wrongSums++;
    } catch (error) {
      this.#count(error);
    }
  }

  async #note(into: Map<string, Certainty>, id: string, doing: Promise<unknown>): Promise<void> {
    const certainty = await doing.then(
      (): Certainty => "done",
      (error: unknown) => {
        this.#count(error);
        return this.#certaintyAfter(error, into === this.#transfers);
      },
    );
    into.set(id, certainty);
  }

  /** Of a transaction that is not said to be unknown it is certain; a single statement commits by itself. */
  #certaintyAfter(error: unknown, isTransaction: boolean): Certainty {
    if (isRefusal(error)) return "not done";
    if (error instanceof CommitUnknownError) return "unknown";
    return isTransaction && this.#teller.constructor.name !== "PlainTeller"
      ? "not done"
      : "unknown";
  }

  #count(error: unknown): void {
    const { code, message } = error as { code?: string; message: string };
    const name = code ?? message;
    this.#errors[name] = (this.#errors[name] ?? 0) + 1;
  }

  report(books: Books): Omit<Report, "kills" | "longestOutageMs" | "books"> {
    const all = [
      ...[...this.#transfers].map(([id, told]) => ({ told, isThere: books.transfers.has(id) })),
      ...[...this.#writes].map(([id, told]) => ({ told, isThere: books.writes.has(id) })),
    ];
    return {
      calls: this.#calls,
      errors: this.#errors,
      wrongSums: this.#wrongSums,
      lost: all.filter(({ told, isThere }) => told === "done" && !isThere).length,
      ghosts: all.filter(({ told, isThere }) => told === "not done" && isThere).length,
    };
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
