import { type DrainReport, sumOfDrains } from "../engine/drain.js";
import type { Heard } from "../events/audience.js";
import { deliverNow } from "../events/delivery.js";
import { hub } from "../events/hub.js";
import type { Listener, Watchable } from "../events/listeners.js";
import { invalidSpec, issueOf } from "../parts/options.js";
import { clock } from "../time/clock.js";
import type { Duration } from "../time/duration.js";
import { type Assembly, assemble, type PolicyPart } from "./assemble.js";
import { nameUsers, type NameUser, unknownPolicy } from "./names.js";
import { fileSays, namesInFile, onlyInFile } from "./settings/filed.js";
import { type Sealed, seal } from "./seal.js";
import type { PolicyHealth } from "./health.js";
import { type AuditSink, auditTo } from "./overrides/audit.js";
import type { Authorize } from "./overrides/authority.js";
import { board } from "./overrides/board.js";
import { followOverridesFile } from "./overrides/file.js";
import { authorize, type OverrideHandle, setOverride } from "./overrides/operate.js";
import type { Override } from "./overrides/override.js";
import type { OverrideRequest } from "./overrides/request.js";
import {
  type RegistrySnapshot,
  restoreAll,
  type RestoreReport,
  snapshotOf,
} from "./registry-snapshot.js";
import { everyPolicy, LivePolicy } from "./live-policy.js";
import { mustBeEvent } from "./must-be-event.js";
import type { Policy } from "./policy.js";

const defined = new Map<string, LivePolicy>();
/** Those of them that code has defined; the others are there because the file names them. */
const byCode = new Set<string>();

/**
 * Makes a policy and registers it, so that `@Resilient("crm")` and `resilient("crm")` find it.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` for options that cannot work, and for a name that is taken.
 * @example
 * definePolicy("crm", circuitBreaker(), retryBudget({ ratio: 0.1 }), timeout("2s"));
 */
export function definePolicy(name: string, ...parts: readonly PolicyPart[]): Policy {
  if (typeof name !== "string" || name === "")
    throw invalidSpec([issueOf("definePolicy", "a name", name)]);
  if (byCode.has(name))
    throw invalidSpec([
      issueOf(
        "definePolicy",
        "a name that is not taken",
        name,
        "Get the policy with resilient(name)",
      ),
    ]);
  const { options, ...assembly } = assemble(parts);
  if (options.name !== undefined)
    throw invalidSpec([
      issueOf("policy.name", "no second name", options.name, "definePolicy(name) names it already"),
    ]);
  const policy = declare({ ...assembly, options: { ...options, name } }, name);
  byCode.add(name);
  return policy;
}

/** One that the file has brought about, and that is used already, stays the same policy. */
function declare(assembly: Assembly, name: string): LivePolicy {
  const known = defined.get(name);
  if (known === undefined) return keep(new LivePolicy(assembly));
  known.declare(assembly);
  return known;
}

function keep(policy: LivePolicy): LivePolicy {
  defined.set(policy.name, policy);
  return policy;
}

/** @throws BreakwaterError `ERR_UNKNOWN_POLICY`, which names those that are defined. */
export function lookUp(name: string): LivePolicy {
  const known = defined.get(name);
  if (known !== undefined) return known;
  const layers = fileSays(name);
  if (layers === undefined) throw unknownPolicy(name, knownNames());
  return keep(new LivePolicy(onlyInFile(name, layers)));
}

/**
 * A policy by its name, looked up when it is first asked for: for adapters that are installed before the configuration is
 * loaded. `registry.seal()` knows of it, and names `where` it is asked for.
 *
 * @returns a function that throws `ERR_UNKNOWN_POLICY` as long as nobody has defined the name.
 * @example
 * const policy = policyNamed("crm", "install(axios)");
 * const answer = await policy().execute(task);
 */
export function policyNamed(name: string, where: string): () => Policy {
  const user: NameUser = { where, wants: name, mayMake: () => false };
  nameUsers.add(user);
  let found: LivePolicy | undefined;
  return () => (found ??= lookUp(user.wants ?? name));
}

/** The file alone says what it is, and somebody uses it. */
export function knownOnlyFromFile(name: string): boolean {
  return defined.has(name) && !byCode.has(name);
}

function knownNames(): string[] {
  return [...new Set([...defined.keys(), ...namesInFile()])];
}

/**
 * Makes a policy from parts in any order and at most one object of options; or finds a registered one by its name.
 *
 * A breaker and a budget with nothing else mean three attempts with full jitter. A breaker alone never retries. Nothing
 * at all means the recommended set: breaker, budget, retries.
 *
 * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem, or `ERR_UNKNOWN_POLICY`.
 * @example
 * const rates = resilient(breaker, budget, timeout("2s"), { name: "rates" });
 * const quote = await rates.execute(({ signal }) => fetchQuote("EUR", { signal }));
 */
export function resilient(name: string): Policy;
export function resilient(...parts: readonly PolicyPart[]): Policy;
export function resilient(...parts: readonly (PolicyPart | string)[]): Policy {
  const [only] = parts;
  return typeof only === "string" && parts.length === 1
    ? lookUp(only)
    : new LivePolicy(assemble(parts));
}

/** How the process is, as plain JSON for a health endpoint. */
export interface RegistryHealth {
  /**
   * `degraded`: a circuit somewhere is not closed. That is no reason to call this process unready, or to restart it: an
   * open circuit is this process being well while a dependency is not.
   */
  readonly status: "ok" | "degraded";
  /** Wall time, in milliseconds since 1970. */
  readonly at: number;
  readonly policies: readonly PolicyHealth[];
}

/** All policies of the process: those that somebody still uses, however they were made. */
export interface Registry extends Watchable {
  /**
   * Listens to all policies: those that there are, and those that will be made. The rules are those of a policy's `on`.
   * What happens to a part that several policies share is heard once; `policies` then names them all, and `policy` the
   * first of them.
   *
   * @returns the function that ends it.
   * @throws BreakwaterError `ERR_INVALID_SPEC` for a type of event that there is not.
   * @example
   * registry.on("circuit.opened", ({ guard, policies }) => page(guard, policies));
   */
  on: Watchable["on"];
  /**
   * Looks at all names, once the process has loaded its classes and its configuration: a name that nobody has defined is
   * found now, and not at its first call.
   *
   * @returns what the config file names and nobody uses: a slip of the pen, or what is not in use any more.
   * @throws BreakwaterError `ERR_UNKNOWN_POLICY` with every name that is asked for and not defined, and by whom.
   * @example
   * for (const name of registry.seal().unused) console.warn(`breakwater.yaml: nobody uses ${name}`);
   */
  seal(): Sealed;
  /** Those of decorated methods are among them from the first call on. */
  policies(): readonly Policy[];
  /**
   * The state of all guards and budgets, and what the policies have done so far. Asking changes nothing, and is cheap:
   * keys are counted, and at most ten of a breaker are listed.
   *
   * @example
   * if (request.url === "/healthz") response.end(JSON.stringify(registry.health()));
   */
  health(): RegistryHealth;
  /**
   * Lays something over the policies of a name, or over all (`'*'`): also over those that are made later.
   *
   * `block` refuses every call with `ERR_CIRCUIT_FORCED_OPEN`, `bypass` lets every call through unprotected, `tune` puts
   * other options in force; each until its end. `reset` and `clear` act once. What runs ends as it would have; a blocked
   * policy begins no further attempt. Block wins, then the narrowest scope, then the newest.
   *
   * @throws BreakwaterError `ERR_INVALID_SPEC` with every problem; `ERR_OVERRIDE_REFUSED` if `authorize` did not allow it.
   * @example
   * registry.override({ verb: "block", policy: "crm", by: "ana", why: "INC-4711", until: "30m" });
   */
  override(request: OverrideRequest): OverrideHandle;
  /**
   * What stands now, in order of precedence. As text each is a sentence, as JSON it is data.
   *
   * @example
   * console.log(registry.overrides().join("\n"));
   */
  overrides(): readonly Override[];
  /**
   * Asks `ask` before each override: those of the code, of files, and those that stand already. Only `true` means yes.
   * Undefined: nobody is asked.
   *
   * @example
   * registry.authorize((by, verb, policy) => onCall.has(by) || (verb !== "block" && policy !== "*"));
   */
  authorize(ask: Authorize | undefined): void;
  /**
   * Gives each audit entry to `sink`: what was set, ended, acted or was not allowed, by whom and why. What it throws or
   * rejects becomes the event `hook.failed`.
   *
   * @returns the function that ends it.
   * @example
   * registry.audit((entry) => appendFile("audit.jsonl", `${JSON.stringify(entry)}\n`));
   */
  audit(sink: AuditSink): () => void;
  /**
   * The state of all policies that have a name, as plain JSON: what the next process can go on from. What was restored
   * for policies that have not been made is in it as it was.
   */
  snapshot(): RegistrySnapshot;
  /**
   * Goes on from a snapshot, as `policy.restore` does, with all policies that have a name; those that are made later go
   * on from it then. A policy whose part of it makes no sense stays as it was, and tells `state.discarded`.
   *
   * @throws BreakwaterError `ERR_INVALID_SPEC` for what is no snapshot of a registry; nothing has changed then.
   */
  restore(snapshot: RegistrySnapshot): RestoreReport;
  /**
   * Drains all policies at once, as `policy.drain` does, and adds up what became of their calls.
   *
   * @param options.graceMs default 10 s.
   * @example
   * process.once("SIGTERM", async () => console.log(await registry.drain({ graceMs: "5s" })));
   */
  drain(options?: { readonly graceMs?: Duration }): Promise<DrainReport>;
}

/**
 * The one place that knows all policies of the process. It keeps none of them alive.
 *
 * @example
 * logEvents(registry, console);
 */
export const registry: Registry = Object.freeze({
  on(type: Heard, listener: Listener<never>): () => void {
    mustBeEvent("registry.on", type);
    const off = hub.on(type, listener);
    if (hub.hears("*") || hub.hears("policy.unnamed"))
      for (const policy of everyPolicy) policy.askForName();
    return off;
  },
  seal: () => seal(defined, byCode),
  policies: () => [...everyPolicy],
  health(): RegistryHealth {
    const health = [...everyPolicy].map((policy) => policy.health());
    const status = health.every((policy) => policy.status === "ok") ? "ok" : "degraded";
    return { status, at: clock.wallMs(), policies: health };
  },
  override: setOverride,
  overrides(): readonly Override[] {
    followOverridesFile();
    return board.standing;
  },
  authorize,
  audit: auditTo,
  snapshot: () => snapshotOf(everyPolicy),
  restore: (snapshot: RegistrySnapshot) => restoreAll(snapshot, everyPolicy),
  async drain(options?: { readonly graceMs?: Duration }): Promise<DrainReport> {
    return sumOfDrains([...everyPolicy].map((policy) => policy.drain(options)));
  },
});

/** Of all policies: they start clean. Those that are named later do so, too. */
export function tellStateDiscarded(reason: string): void {
  for (const policy of everyPolicy) if (policy.isNamed) policy.discarded(reason);
}

/** Now, and at once: refusals that are being folded, and whatever else listeners have not heard of yet. */
export function tellFolded(): void {
  for (const policy of everyPolicy) policy.tellFolded();
  deliverNow();
}
