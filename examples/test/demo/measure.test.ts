import { describe, expect, test } from "vitest";
import { type Compared, judge } from "../../src/demo/measure/claims.js";
import { Conditions } from "../../src/demo/measure/conditions.js";
import { outcomeOf, type Recorded } from "../../src/demo/measure/outcome.js";
import { percentileMs } from "../../src/demo/measure/percentile.js";
import { recoveryMs } from "../../src/demo/measure/recovery.js";
import { summarise, type Summary } from "../../src/demo/measure/summary.js";
import { Timeline, Track } from "../../src/demo/measure/timeline.js";
import { runOf } from "./run-of.js";

const SCHEDULE = { warmMs: 1_000, brownOutMs: 5_000, healMs: 10_000, endMs: 20_000 };

describe("a timeline", () => {
  test("counts from its first moment up to, and without, its last", () => {
    const timeline = new Timeline();
    for (const atMs of [0, 99.9, 100, 250]) timeline.add(atMs);
    expect(timeline.between(0, 100)).toBe(2);
    expect(timeline.between(100, 300)).toBe(2);
  });

  test("tells rates per second, whatever the window", () => {
    const { answered } = runOf({ seconds: 4 });
    expect(answered.perSecond(0, 4_000)).toBe(50);
    expect(answered.perSecond(1_000, 1_200)).toBe(50);
  });
});

test("a track keeps what was last known", () => {
  const track = new Track<string>();
  track.set(120, "open");
  track.set(400, "closed");
  expect([track.at(50), track.at(350), track.at(900)]).toEqual([undefined, "open", "closed"]);
  expect(track.between(100, 400)).toEqual(["open"]);
});

test("percentiles are those of the values", () => {
  const valuesMs = Array.from({ length: 100 }, (_, index) => index + 1);
  expect(percentileMs(valuesMs, 50)).toBeCloseTo(50, 0);
  expect(percentileMs(valuesMs, 99)).toBeCloseTo(99, 0);
  expect(percentileMs([], 99)).toBe(0);
});

describe("recovery", () => {
  test("ends with the first whole second that is as good as before", () => {
    const { answered } = runOf({
      seconds: 20,
      answered: (second) => (second < 5 || second >= 13 ? 50 : 0),
    });
    expect(recoveryMs(answered, 50, 10_000, 20_000)).toBe(4_000);
  });

  test("asks for 95 % of what was before", () => {
    const { answered } = runOf({ seconds: 20, answered: () => 47 });
    expect(recoveryMs(answered, 50, 10_000, 20_000)).toBeNull();
    expect(recoveryMs(answered, 49, 10_000, 20_000)).toBe(1_000);
  });
});

test("conditions know when the last trouble ended", () => {
  const conditions = new Conditions();
  expect(conditions.healedMs(1_000)).toBeUndefined();
  conditions.set(2_000, "brown-out");
  expect([conditions.at(1_999), conditions.at(2_000)]).toEqual(["healthy", "brown-out"]);
  expect(conditions.healedMs(3_000)).toBeUndefined();
  conditions.set(4_000, "healthy");
  expect(conditions.healedMs(5_000)).toBe(4_000);
});

const isBad = (second: number): boolean => second >= 5 && second < 12;

test("a summary tells what was sent and answered, before, in and after the brown-out", () => {
  const recording = runOf({
    seconds: 20,
    answered: (second) => (isBad(second) ? 10 : 50),
    requests: (second) => (isBad(second) ? 200 : 50),
  });
  expect(summarise(recording, SCHEDULE)).toMatchObject({
    calls: 1_000,
    upstreamRequests: 13 * 50 + 7 * 200,
    amplification: 2.05,
    amplificationInBrownOut: 4,
    answered: 13 * 50 + 7 * 10,
    goodput: { before: 50, during: 10, after: 42 },
    recoveryMs: 3_000,
    retriesDenied: 19,
  });
});

describe("the claims", () => {
  const summary: Summary = {
    calls: 1_000,
    upstreamRequests: 1_000,
    amplification: 1,
    amplificationInBrownOut: 1,
    answered: 800,
    refused: 0,
    goodput: { before: 50, during: 2, after: 45 },
    p50Ms: 50,
    p99Ms: 400,
    recoveryMs: 2_000,
    retriesDenied: 0,
  };
  const clients: Compared = {
    bare: summary,
    naive: { ...summary, amplification: 3, amplificationInBrownOut: 3.8, recoveryMs: null },
    annotated: { ...summary, goodput: { ...summary.goodput, during: 7 } },
  };
  const held = (changed: Partial<Compared>): boolean[] =>
    judge({ ...clients, ...changed }, 1_500).map((claim) => claim.held);
  const annotated = (changed: Partial<Summary>): Partial<Compared> => ({
    annotated: { ...clients.annotated, ...changed },
  });
  const naive = (changed: Partial<Summary>): Partial<Compared> => ({
    naive: { ...clients.naive, ...changed },
  });

  test("hold for a run as it should be", () => {
    expect(held({})).toEqual([true, true, true, true, true]);
  });

  test.each([
    ["a naive client that sends little", naive({ amplificationInBrownOut: 1.9 }), 0],
    ["a naive client that recovers soon", naive({ recoveryMs: 5_900 }), 1],
    [
      "an annotated client that answers less than bare",
      annotated({ goodput: { before: 50, during: 1.9, after: 45 } }),
      2,
    ],
    ["an annotated client that sends too much", annotated({ amplification: 1.26 }), 3],
    ["an annotated client that recovers late", annotated({ recoveryMs: 4_900 }), 4],
    ["an annotated client that never recovers", annotated({ recoveryMs: null }), 4],
  ])("fail for %s", (_what, changed, index) => {
    expect(held(changed).indexOf(false)).toBe(index);
    expect(held(changed).filter((isHeld) => !isHeld)).toHaveLength(1);
  });

  test("hold for a naive client that takes three times as long", () => {
    expect(held(naive({ recoveryMs: 6_000 }))[1]).toBe(true);
  });
});

function lanesThatAre(latenessMs: number): Recorded[] {
  return (["bare", "naive", "annotated"] as const).map((name) => ({
    name,
    recording: runOf({ seconds: 20, latenessMs: name === "naive" ? latenessMs : 1 }),
  }));
}

describe("a run", () => {
  test("is valid when every client started its calls on time", () => {
    expect(outcomeOf(lanesThatAre(45), SCHEDULE, 1_500).valid).toBe(true);
  });

  test("is not valid when one client started its calls late", () => {
    expect(outcomeOf(lanesThatAre(55), SCHEDULE, 1_500).valid).toBe(false);
  });
});
