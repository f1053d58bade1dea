import { randomUUID } from "node:crypto";
import type { DeadLetterRecord } from "@breakwater/core";
import type { DeadLetterStore, StoredDeadLetter } from "@breakwater/core/dead-letters";
import { describe, expect, it } from "vitest";

/** A store under test, as several processes see it. */
export interface StoreUnderTest {
  /** Another process's view of the same records. */
  another(): DeadLetterStore;
}

/** A record as a policy makes it. */
export function recordAt(at: number, more: Partial<DeadLetterRecord> = {}): DeadLetterRecord {
  const error = { name: "Error", code: "ECONNRESET", message: "read ECONNRESET" };
  return {
    version: 1,
    id: randomUUID(),
    policy: "billing",
    at,
    stoppedBy: "attempts",
    error,
    attempts: [{ attempt: 1, verdict: "transient", known: true, error }],
    payload: { order: at },
    ...more,
  };
}

/** All that a store holds. */
export async function lettersIn(store: DeadLetterStore): Promise<StoredDeadLetter[]> {
  const letters: StoredDeadLetter[] = [];
  for await (const letter of (await store.list()).letters) letters.push(letter);
  return letters;
}

const paysIn = async (store: DeadLetterStore): Promise<unknown[]> =>
  (await lettersIn(store)).map(({ record }) => record.payload);

const failure = { name: "Error", message: "still down" };

/** What every store of dead letters keeps to: files, tables, whatever comes. `make` gives an empty one. */
export function keepsToTheContract(make: () => Promise<StoreUnderTest> | StoreUnderTest): void {
  describe("the contract of a store of dead letters", () => {
    it("gives back exactly what was written, oldest first, to any process", async () => {
      const under = await make();
      const [one, two] = [under.another(), under.another()];
      const records = [
        recordAt(30),
        recordAt(10, { key: "eu" }),
        recordAt(20, { idempotencyKey: "k" }),
      ];
      await one.write(records[0] as DeadLetterRecord);
      await two.write(records[1] as DeadLetterRecord);
      await two.write(records[2] as DeadLetterRecord);
      const stored = await lettersIn(under.another());
      expect(stored.map(({ record }) => record)).toEqual([records[1], records[2], records[0]]);
      expect(stored.map(({ failures }) => failures)).toEqual([0, 0, 0]);
    });

    it("keeps every text whole: newlines, quotes, what is not ASCII, a payload of 200 kB", async () => {
      const store = (await make()).another();
      const payloads = ['a\n"b"\r\n\u2028', "é😀", "x".repeat(200_000), null, [[]], { "": 0 }];
      for (const [at, payload] of payloads.entries()) await store.write(recordAt(at, { payload }));
      expect(await paysIn(store)).toEqual(payloads);
    });

    it("an empty one lists nothing, and has nothing to claim", async () => {
      const store = (await make()).another();
      expect(await lettersIn(store)).toEqual([]);
      expect(await store.claim(randomUUID())).toBeUndefined();
    });

    it("keeps a record once that is written twice", async () => {
      const store = (await make()).another();
      const record = recordAt(1);
      await store.write(record);
      await store.write(record);
      expect(await lettersIn(store)).toHaveLength(1);
    });

    it("gives a record to one of many who claim it at once", async () => {
      const under = await make();
      const record = recordAt(1);
      await under.another().write(record);
      const claims = await Promise.all(
        Array.from({ length: 20 }, () => under.another().claim(record.id)),
      );
      const got = claims.filter((claim) => claim !== undefined);
      expect(got.map((claim) => claim.record)).toEqual([record]);
    });

    it("gives it to nobody once it is done, and lists it no more", async () => {
      const under = await make();
      const store = under.another();
      const record = recordAt(1);
      await store.write(record);
      await (await store.claim(record.id))?.done();
      expect(await under.another().claim(record.id)).toBeUndefined();
      expect(await lettersIn(under.another())).toEqual([]);
    });

    it("counts what failed, keeps its last error, and gives it again", async () => {
      const under = await make();
      const record = recordAt(1);
      await under.another().write(record);
      await (await under.another().claim(record.id))?.failed(failure);
      await (await under.another().claim(record.id))?.failed({ ...failure, code: "E2" });
      expect(await lettersIn(under.another())).toEqual([
        { record, failures: 2, lastError: { ...failure, code: "E2" } },
      ]);
      expect((await under.another().claim(record.id))?.failures).toBe(2);
    });

    it("takes a claim back that came to nothing", async () => {
      const under = await make();
      const record = recordAt(1);
      await under.another().write(record);
      await (await under.another().claim(record.id))?.release();
      expect(await under.another().claim(record.id)).toMatchObject({ record, failures: 0 });
    });

    it.each(["../../etc/passwd", "a/b", "", ".", "..", "x".repeat(300), "a\0b"])(
      "has nothing by the name %j",
      async (id) => {
        const store = (await make()).another();
        await store.write(recordAt(1));
        expect(await store.claim(id)).toBeUndefined();
      },
    );

    it("is safe once it is flushed, also when there is nothing", async () => {
      const store = (await make()).another();
      await store.flush?.();
      await store.write(recordAt(1));
      await store.flush?.();
      expect(await lettersIn(store)).toHaveLength(1);
    });
  });
}
