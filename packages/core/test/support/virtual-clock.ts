import { installVirtualClock, type VirtualClock } from "@breakwater/core/testing";
import { afterEach, beforeEach } from "vitest";

/** The clock of the test that runs. */
export let clock: VirtualClock;

/** Each test of the file, or of the block, has virtual time of its own. */
export function useVirtualClock(options?: Parameters<typeof installVirtualClock>[0]): void {
  beforeEach(() => void (clock = installVirtualClock(options)));
  afterEach(() => clock.restore());
}
