import { describe, expect, test } from "vitest";
import { runScript } from "./run-script.js";

describe("timers, in real processes", () => {
  test("a 200 ms timeout after 300 ms of synchronous work doesn't fire early", async () => {
    const { code, told } = await runScript("timeout-after-busy-loop");
    expect(code).toBe(0);
    expect(told["code"]).toBe("ERR_ATTEMPT_TIMEOUT");
    expect(told["tookMs"]).toBeGreaterThanOrEqual(200);
  });

  test("answers that wait in the socket while the loop is blocked win against a late timeout", async () => {
    const { code, told } = await runScript("answers-behind-a-blocked-loop");
    expect(told).toEqual({ answered: 20, failed: [] });
    expect(code).toBe(0);
  });

  test("a script exits with code 0 within 50 ms of its last call", async () => {
    // The quickest of five: what is measured is what we hold, not what else the machine does.
    const runs = [];
    for (let n = 0; n < 5; n++) runs.push(await runScript("exits-by-itself"));
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    expect(runs.map(({ told }) => told["code"])).toEqual(Array(5).fill("ERR_CIRCUIT_OPEN"));
    expect(Math.min(...runs.map(({ told }) => told["lingeredMs"] as number))).toBeLessThan(50);
  });

  test("a call that waits in a backoff never ends the process early", async () => {
    expect(await runScript("backoff-keeps-alive")).toMatchObject({
      code: 0,
      told: { value: "fine", runs: 2 },
    });
  });

  test("a call that waits for its timeout never ends the process early", async () => {
    expect(await runScript("timeout-keeps-alive")).toMatchObject({
      code: 0,
      told: { code: "ERR_ATTEMPT_TIMEOUT" },
    });
  });
});

describe("a policy in shadow", () => {
  test("keeps no process alive for a call that hangs", async () => {
    expect(await runScript("shadow-keeps-nothing-alive")).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("a drain on SIGTERM", () => {
  test("ends 200 backoffs, 50 in a queue and 20 that run, and then the process ends by itself", async () => {
    const { code, told, stderr } = await runScript("drain");
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(told).toMatchObject({
      report: { retriesEnded: 200, waitsRefused: 50, finished: 15, aborted: 5, left: 0 },
      seen: { drained: 200, ERR_DRAINING: 50, fine: 15, "running ERR_DRAINING": 5 },
      late: { code: "ERR_DRAINING", isRefusal: true },
    });
    expect(told["lingeredMs"]).toBeLessThan(5_000);
  });
});

describe("a failing call that nobody awaits raises unhandledRejection exactly once", () => {
  test.each([
    ["direct", "rejects"],
    ["direct", "throws"],
    ["drive", "rejects"],
    ["drive", "throws"],
    ["retried", "rejects"],
  ])("%s driver, a task that %s", async (driver, how) => {
    expect((await runScript("unawaited-failure", driver, how)).told).toMatchObject({
      times: 1,
      same: true,
    });
  });

  test("a refused call", async () => {
    expect((await runScript("unawaited-failure", "open")).told).toMatchObject({
      times: 1,
      code: "ERR_CIRCUIT_OPEN",
    });
  });
});

describe("a log, as the process ends", () => {
  test.each(["by itself", "by exit()"])(
    "%s, says what it has counted, and does not hold it up",
    async (how) => {
      const { code, told } = await runScript("log-as-it-ends", how);
      expect(code).toBe(0);
      expect(told).toMatchObject({
        lines: ["error circuit job opened", "warn job refused a call", "warn job refused 9 calls"],
      });
      expect(told["lingeredMs"]).toBeLessThan(5_000);
    },
  );
});

test("a subscriber of the diagnostics channel that throws does not end the process", async () => {
  const { code, told, stderr } = await runScript("throwing-subscriber");
  expect(stderr).toBe("");
  expect(told).toEqual({ value: "fine", told: ["a bug in a subscriber"] });
  expect(code).toBe(0);
});
