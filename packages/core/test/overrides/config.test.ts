import { type BreakwaterError, circuitBreaker, registry, resilient } from "@breakwater/core";
import { loadConfig } from "@breakwater/core/config";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { rejectionOf, works } from "../regressions/fixtures.js";
import { ana, atNoon, thrownBy } from "./support.js";

atNoon();
afterEach(() => {
  loadConfig({ text: "policies: {}" });
});

const named = { name: "crm" };
const BLOCK = `
overrides:
  - verb: block
    policy: crm
    by: ana
    why: INC-4711
    until: cleared
`;

describe("the overrides of the config file", () => {
  it("stand as long as the file says so", async () => {
    const crm = resilient(circuitBreaker({ probes: 1 }), named);
    loadConfig({ text: BLOCK });
    expect(await rejectionOf(crm.execute(works))).toHaveProperty("code", "ERR_CIRCUIT_FORCED_OPEN");
    loadConfig({ text: `policies: { crm: { timeout: 2s } }${BLOCK}` });
    expect(await rejectionOf(crm.execute(works))).toHaveProperty("code", "ERR_CIRCUIT_FORCED_OPEN");
    expect(registry.overrides()).toHaveLength(1);
    loadConfig({ text: "policies: {}" });
    expect(await crm.execute(works)).toBe("fine");
  });

  it("go on as they were where the file says the same of them", () => {
    loadConfig({ text: BLOCK });
    const [before] = registry.overrides();
    loadConfig({
      text: `${BLOCK}  - { verb: bypass, policy: rates, by: ben, why: INC-4712, until: cleared }`,
    });
    expect(registry.overrides().find(({ policy }) => policy === "crm")).toBe(before);
    expect(registry.overrides()).toHaveLength(2);
  });

  it("have no gap where a block gets another end", async () => {
    const breaker = circuitBreaker();
    resilient(breaker, named);
    loadConfig({ text: BLOCK });
    loadConfig({ text: BLOCK.replace("until: cleared", "until: 2100-01-01T00:00:00Z") });
    expect(breaker.state()).toBe("closed");
    expect(registry.overrides().map(({ until }) => until)).toEqual(["2100-01-01T00:00:00.000Z"]);
  });

  it("reset circuits when the entry appears, once", async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 1 });
    const crm = resilient(breaker, named);
    const reset = "overrides: [{ verb: reset, policy: crm, by: ana, why: INC-4711 }]";
    const failOnce = () => rejectionOf(crm.execute(() => Promise.reject(new Error("no"))));
    loadConfig({ text: "policies: {}" });
    await failOnce();
    loadConfig({ text: reset });
    expect(breaker.state()).toBe("closed");
    await failOnce();
    loadConfig({ text: `${reset}\n` });
    expect(breaker.state()).toBe("open");
  });

  it("are refused with everything that is wrong, line by line, and then nothing changes", () => {
    loadConfig({ text: BLOCK });
    const error = thrownBy(() =>
      loadConfig({
        text: `${BLOCK}  - verb: stop\n    policy: crm\n    by: ana\n    until: 30m\n`,
      }),
    ) as BreakwaterError;
    const { issues = [] } = error;
    expect(issues.map(({ path, line }) => [path, line])).toEqual([
      ["overrides[1].verb", 8],
      ["overrides[1].until", 11],
      ["overrides[1].why", 8],
    ]);
    expect(registry.overrides()).toHaveLength(1);
  });

  it("a block of code survives a reload of the config", async () => {
    const crm = resilient(circuitBreaker(), named);
    ana("block");
    loadConfig({ text: "policies: { crm: { breaker: { openMs: 3s }, timeout: 2s } }" });
    expect(String(crm.explain())).toContain("each attempt 2 s");
    expect(await rejectionOf(crm.execute(works))).toHaveProperty("code", "ERR_CIRCUIT_FORCED_OPEN");
  });

  it("tune over what the file says of the policy, and give way to it again", () => {
    const crm = resilient(named);
    const timeoutOf = (): unknown =>
      crm.explain().values.find(({ path }) => path === "timeout.attemptTimeoutMs");
    const tune = `overrides: [{ verb: tune, policy: crm, by: ana, why: INC-4711, until: cleared, patch: { timeout: 1s } }]`;
    loadConfig({ text: `policies: { crm: { timeout: 2s } }\n${tune}` });
    expect(timeoutOf()).toMatchObject({ value: 1_000, source: "override" });
    loadConfig({ text: "policies: { crm: { timeout: 3s } }" });
    expect(timeoutOf()).toMatchObject({ value: 3_000, source: "file" });
  });
});

it("the file of the environment may be YAML, once this entry is loaded", async () => {
  const folder = mkdtempSync(join(tmpdir(), "breakwater-"));
  const path = join(folder, "overrides.yaml");
  writeFileSync(path, BLOCK.replace("overrides:", "").replaceAll(/^ {2}/gm, ""));
  vi.stubEnv("BREAKWATER_OVERRIDES", path);
  const crm = resilient(named);
  expect(await rejectionOf(crm.execute(works))).toHaveProperty("code", "ERR_CIRCUIT_FORCED_OPEN");
  const messages: string[] = [];
  const warned = vi
    .spyOn(process, "emitWarning")
    .mockImplementation((text) => void messages.push(String(text)));
  writeFileSync(path, "- verb: block\n  policy: crm\n  by: ana\n  why: x\n  until: soon\n");
  vi.stubEnv("BREAKWATER_OVERRIDES", "");
  resilient(named);
  vi.stubEnv("BREAKWATER_OVERRIDES", path);
  resilient(named);
  expect(messages).toEqual([expect.stringContaining("line 5, overrides[0].until")]);
  warned.mockRestore();
  vi.unstubAllEnvs();
  resilient(named);
  rmSync(folder, { recursive: true });
});
