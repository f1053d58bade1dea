// The types of axios are others for whoever requires it than for whoever imports it. This is what those have to know, too.
import type { RequestResilience } from "./options/request-options.js" with {
  "resolution-mode": "import",
};

/** Names the module that is augmented, as a mere import would be left out of what is published. */
export type { AxiosRequestConfig } from "axios";

declare module "axios" {
  export interface AxiosRequestConfig {
    /** What this request asks of Breakwater, where that is installed. */
    resilience?: RequestResilience;
  }
}
