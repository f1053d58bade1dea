import { isDeepStrictEqual } from "node:util";
import type { Issue } from "../errors/errors.js";
import type { PartUser } from "../parts/part.js";
import { everyPolicy, type LivePolicy } from "../policy/live-policy.js";
import { knownOnlyFromFile } from "../policy/registry.js";
import { fileSays, namesInFile, onlyInFile } from "../policy/settings/filed.js";
import { prepare, type Prepared } from "../policy/settings/prepare.js";
import {
  declaredBy,
  fieldsOf,
  over,
  type Section,
  type Settings,
} from "../policy/settings/settings.js";
import { saidBy } from "../policy/settings/spec.js";
import type { FileLayers } from "../policy/settings/tuning.js";
import {
  type ConfigSpec,
  type FiledPolicy,
  isReference,
  located,
  type Located,
} from "./read-spec.js";
import type { SharedPlan } from "./shared-parts.js";

/** What a file is going to change, with everything that speaks against it. */
export interface ConfigPlan {
  readonly layers: ReadonlyMap<string, FileLayers>;
  readonly changes: readonly Change[];
  readonly issues: readonly Located[];
}

interface Change {
  readonly policy: LivePolicy;
  readonly layers: FileLayers | undefined;
  readonly prepared: Prepared;
}

/** Nothing is changed here. */
export function planPolicies(spec: ConfigSpec, shared: SharedPlan): ConfigPlan {
  const layers = new Map(
    [...spec.policies].map(([name, filed]) => [name, layersOf(filed, spec, shared)] as const),
  );
  const policies = [...everyPolicy].filter(
    ({ name }) => layers.has(name) || fileSays(name) !== undefined,
  );
  const changes = policies
    .filter(({ name }) => !isDeepStrictEqual(fileSays(name)?.said, layers.get(name)?.said))
    .map((policy) => changeOf(policy, layers.get(policy.name), shared));
  const met = new Set(policies.map(({ name }) => name));
  const unmet = [...layers].filter(([name]) => !met.has(name));
  return {
    layers,
    changes,
    issues: [
      ...changes.flatMap(({ policy, prepared }) => foundIn(policy.name, prepared.issues)),
      ...unmet.flatMap(([name, layer]) => foundIn(name, alone(name, layer, shared))),
      ...namesInFile()
        .filter((name) => !layers.has(name))
        .flatMap(stillUsed),
    ],
  };
}

function changeOf(policy: LivePolicy, layers: FileLayers | undefined, shared: SharedPlan): Change {
  return { policy, layers, prepared: policy.preparedFor(layers, shared.pending) };
}

function layersOf(filed: FiledPolicy, { defaults }: ConfigSpec, shared: SharedPlan): FileLayers {
  return {
    defaults: sayingOf(defaults, shared),
    own: over(sayingOf(filed.base, shared), sayingOf(filed.own, shared)),
    said: [defaults, filed.base, filed.own, ...referred([defaults, filed.base, filed.own], shared)],
  };
}

/** What the parts are that it refers to: with them it changes, too. */
function referred(specs: readonly FiledPolicy["own"][], shared: SharedPlan): unknown[] {
  return specs
    .flatMap((spec) => Object.entries(spec))
    .map(([kind, name]) => (isReference(kind, name) ? shared.partOf(name, kind) : undefined))
    .map((part) => part && shared.pending.get(part));
}

function sayingOf(spec: FiledPolicy["own"], shared: SharedPlan): Settings {
  const given = Object.entries(spec).filter(([kind, value]) => !isReference(kind, value));
  const said = saidBy(Object.fromEntries(given), "file", false);
  const parts: Record<string, Section | null | undefined> = { ...said.parts };
  for (const [kind, name] of Object.entries(spec)) {
    const part = isReference(kind, name) ? shared.partOf(name, kind) : undefined;
    if (part === undefined) continue;
    const fields = fieldsOf(shared.pending.get(part) ?? part.given, "file");
    parts[kind] = { source: "file", part, fields, isWhole: true };
  }
  return { ...said, parts };
}

/** No code knows the policy yet: what it may still add cannot be missed. */
function alone(name: string, layers: FileLayers, { pending }: SharedPlan): readonly Issue[] {
  const nobody: PartUser = { name, partRetuned: () => {} };
  const declared = declaredBy(onlyInFile(name, layers));
  const whole = over(over(layers.defaults, declared), layers.own);
  return prepare(whole, {}, nobody, pending).issues.filter(
    ({ received }) => received !== "undefined",
  );
}

/** A policy that is only there because the file names it, and that is used, cannot lose what it is made of. */
function stillUsed(name: string): Located[] {
  if (!knownOnlyFromFile(name)) return [];
  const path = `policies.${name}`;
  const hint = "It is in use, and only the file says what it is";
  return [{ path, expected: "still there", received: "nothing", hint, keys: ["policies"] }];
}

function foundIn(name: string, issues: readonly Issue[]): Located[] {
  const at = `policies.${name}`;
  return located(
    ["policies", name],
    issues.map((issue) => ({ ...issue, path: `${at}.${issue.path.replace(/^policy\./, "")}` })),
  );
}
