import { resilient } from "@breakwater/core";
import { type DeadLetterStore, replay } from "@breakwater/core/dead-letters";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lettersIn } from "../../../core/test/contracts/dead-letter-store.js";
import { Script, toldByKilled } from "../../../core/test/contracts/script.js";
import { tableDeadLetters } from "../../src/index.js";
import { hasPostgres, usePostgres } from "../support/use-postgres.ts";

const ROUNDS = 6;
const scriptOf = (name: string): URL => new URL(`scripts/${name}.mjs`, import.meta.url);

describe.runIf(hasPostgres)(
  "a table of dead letters between processes",
  { timeout: 60_000 },
  () => {
    const server = usePostgres({ settings: { max_connections: 50 } });
    let table = "";
    let running: Script[] = [];
    beforeEach(() => void (table = `letters_${Math.random()}`.replace(".", "_")));
    afterEach(() => {
      for (const script of running) script.end("SIGKILL");
      running = [];
    });
    const start = (name: string, ...args: string[]): Script => {
      const script = new Script(scriptOf(name), server().url, table, ...args);
      running.push(script);
      return script;
    };
    const store = (): DeadLetterStore => tableDeadLetters(server().url, { table });
    const idsIn = async (): Promise<string[]> =>
      (await lettersIn(store())).map(({ record }) => record.id);
    const makeJudge = async (): Promise<void> => {
      const client = new pg.Client(server().url);
      await client.connect();
      await client.query("create table if not exists running (id text primary key)");
      await client.end();
    };

    test(`two write, one is killed ${ROUNDS} times: each record told as written is there, and runs once over two replays`, async () => {
      const survivor = start("writes", "20");
      const victim = (): Script => start("writes", "1");
      const { told, exitCode } = await toldByKilled(survivor, victim, ROUNDS);
      expect(exitCode).toBe(0);
      const stored = await idsIn();
      const known = new Set(stored);
      expect(told.filter((id) => !known.has(id))).toEqual([]);

      await makeJudge();
      const replays = [start("replays"), start("replays")];
      expect(await Promise.all(replays.map(({ ended }) => ended))).toEqual([0, 0]);
      const ran = replays.map(({ ids }) => ids);
      expect(ran.flat().length).toBe(stored.length);
      expect(new Set(ran.flat())).toEqual(known);
      expect(ran.map(({ length }) => length > 0)).toEqual([true, true]);
      expect(await idsIn()).toEqual([]);
    });

    test("a replay that is killed as it runs a record leaves it to the next one", async () => {
      await start("ends").ended;
      const [first = "", second] = await idsIn();
      const killed = start("replays", "hang");
      await killed.printed(1);
      const billing = resilient({ name: "another" });
      const run = (): Promise<{ done: number; claimed: number }> =>
        replay(billing, () => {}, { from: store(), filter: ({ record }) => record.id === first });
      expect(await run()).toMatchObject({ done: 0, claimed: 1 });
      killed.end("SIGKILL");
      await killed.ended;
      await expect.poll(async () => (await run()).done, { timeout: 5_000 }).toBe(1);
      expect(await idsIn()).toEqual([second]);
    });

    test("a process that comes to its end leaves its records, and does not stay for its connection", async () => {
      const beganMs = performance.now();
      expect(await start("ends").ended).toBe(0);
      expect(performance.now() - beganMs).toBeLessThan(8_000);
      const letters = await lettersIn(store());
      expect(letters.map(({ record }) => record.payload)).toEqual([1, 2]);
    });
  },
);
