import type { OutcomeRules, Policy } from "@breakwater/core";
import type { AxiosAdapter, InternalAxiosRequestConfig } from "axios";
import type { AxiosOptions } from "../options/install-options.js";
import type { RequestResilience } from "../options/request-options.js";
import type { Traits } from "../policy/traits.js";
import type { Caller } from "./caller-signal.js";
import type { CutBy } from "./cut-short.js";
import type { GivenAdapter } from "./inner-adapter.js";

/** One request on its way: everything that its attempts have in common. */
export interface Sending {
  readonly config: InternalAxiosRequestConfig;
  /** As the user has it. */
  readonly given: GivenAdapter;
  readonly inner: AxiosAdapter;
  readonly policy: Policy;
  readonly traits: Traits;
  readonly key: string | undefined;
  readonly asked: RequestResilience;
  readonly options: AxiosOptions;
  readonly rules: OutcomeRules;
  readonly caller: Caller;
  readonly cutBy: CutBy;
}
