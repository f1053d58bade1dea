import { circuitBreaker, type Policy, retry, retryBudget } from "@breakwater/core";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { resilienceOf, wrapPool } from "../../src/index.js";
import type { PostgresServer } from "../support/postgres/server.ts";
import { hasPostgres } from "../support/use-postgres.ts";
import { ACCOUNTS, CENTS } from "./bank.ts";
import { type Report, runChaos, type Schedule } from "./run-chaos.ts";
import { PlainTeller, ResilientTeller } from "./tellers.ts";

/**
 * `pnpm chaos` takes the whole half minute, with a kill every 3 s. Here it is shorter, and without jitter: retries then
 * cover 3 s, as on a busy machine a server takes a second or two to come back.
 */
const ms = Number(process.env["CHAOS_MS"] ?? 8_000);
const jitter = process.env["CHAOS_MS"] === undefined ? "none" : "full";
const schedule: Schedule = { ms, killEveryMs: Math.min(3_000, ms / 4), workers: 8 };
const TOTAL = ACCOUNTS * CENTS;

describe.runIf(hasPostgres)("chaos", { timeout: ms + 120_000 }, () => {
  const unhandled: unknown[] = [];
  const hear = (error: unknown): void => void unhandled.push(error);
  let plain: Report;

  beforeAll(async () => {
    process.on("unhandledRejection", hear);
    plain = await runChaos(schedule, TOTAL, (server) => new PlainTeller(poolOf(server)));
    tell("a plain pool", plain);
  }, ms + 120_000);
  afterAll(() => void process.off("unhandledRejection", hear));

  const ALL_WELL = { total: TOTAL, wrong: 0, wrongSums: 0, lost: 0, ghosts: 0 };

  test("work that was declared idempotent does not see a server die, nor does the money", async () => {
    let policy: Policy | undefined;
    const report = await runChaos(schedule, TOTAL, (server) => {
      const pool = wrapPool(
        poolOf(server),
        retry({ maxAttempts: 8, maxMs: 500, jitter }),
        retryBudget({ reserve: 1000 }),
        { name: "chaos 1" },
      );
      policy = resilienceOf(pool)?.policy;
      return new ResilientTeller(pool, { idempotent: true });
    });
    tell("8 attempts, reserve 1000, idempotent", report, policy);
    expect(report.kills).toBeGreaterThan(0);
    expect(conserved(report)).toEqual(ALL_WELL);
    expect(report.errors).toEqual({});
    expect(unhandled).toEqual([]);
    expect(Object.keys(plain.errors)).not.toEqual([]);
  });

  test("with a circuit and the default budget errors are few, known, and cost few attempts", async () => {
    let policy: Policy | undefined;
    const report = await runChaos(schedule, TOTAL, (server) => {
      const pool = wrapPool(poolOf(server), circuitBreaker({ openMs: 500 }), retryBudget(), {
        name: "chaos 2",
      });
      policy = resilienceOf(pool)?.policy;
      return new ResilientTeller(pool, {});
    });
    tell("circuit of 500 ms, default budget", report, policy);
    expect(conserved(report)).toEqual(ALL_WELL);
    expect(unhandled).toEqual([]);
    const refilled = Math.floor(ms / 30_000) + 1;
    const { refusedCalls = 0 } = policy?.snapshot().counters ?? {};
    const admitted = report.calls - refusedCalls;
    expect(attemptsOf(policy)).toBeLessThanOrEqual(admitted * 1.2 + 10 + refilled);
  });
});

/** All that have ended. */
function attemptsOf(policy: Policy | undefined): number {
  const { late, ...byVerdict } = policy?.snapshot().counters.attempts ?? { late: 0 };
  return Object.values(byVerdict).reduce((sum, count) => sum + count, 0) - late;
}

function tell(name: string, report: Report, policy?: Policy): void {
  const { calls, kills, longestOutageMs, errors } = report;
  const failed = Object.values(errors).reduce((sum, count) => sum + count, 0);
  const list = Object.entries(errors).map(([code, count]) => `${count} ${code}`);
  console.log(
    `${name}: ${calls} calls, ${kills} kills (longest outage ${longestOutageMs} ms), ${failed} errors` +
      `${list.length > 0 ? `: ${list.join(", ")}` : ""}${policy === undefined ? "" : `; ${attemptsOf(policy)} attempts`}`,
  );
}

function poolOf(server: PostgresServer): pg.Pool {
  const pool = new pg.Pool({ ...server.address, max: 8, connectionTimeoutMillis: 5_000 });
  return pool.on("error", () => {});
}

function conserved({ books, wrongSums, lost, ghosts }: Report): unknown {
  return { total: books.total, wrong: books.wrong, wrongSums, lost, ghosts };
}
