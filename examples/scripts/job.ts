/**
 * A cron job, run as it is: `node job.ts`, no decorators, no build. It reads a rate and goes.
 *
 * Exit codes: 0 done; 75 (EX_TEMPFAIL) the service is down, try at the next run; 1 anything else.
 */
import {
  BreakwaterError,
  circuitBreaker,
  deadline,
  explainError,
  protect,
  retryBudget,
  timeout,
} from "@breakwater/core";
import { startUpstream } from "./upstream.ts";

class Rates {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async latest(base: string): Promise<string> {
    const response = await fetch(`${this.#url}/rates/${base}`);
    if (!response.ok) throw Object.assign(new Error("no rates"), { status: response.status });
    return (await response.text()).trim();
  }
}

protect(Rates, {
  latest: [
    circuitBreaker(),
    retryBudget({ ratio: 0.1 }),
    timeout("1s"),
    deadline("5s"),
    { idempotent: true },
  ],
});

const url = process.env["RATES_URL"];
const upstream = url === undefined ? await startUpstream() : undefined;
upstream?.failNext(1); // so that there is something to see

try {
  console.log(await new Rates(url ?? upstream?.url ?? "").latest("EUR"));
} catch (error) {
  console.error(String(explainError(error) ?? error));
  const isDown =
    error instanceof BreakwaterError ||
    explainError(error)?.attempts.at(-1)?.verdict === "transient";
  process.exitCode = isDown ? 75 : 1;
} finally {
  await upstream?.close();
}
