import { direct } from "../../../src/engine/direct.js";
import { drive } from "../../../src/engine/drive.js";
import { forceDriver } from "../../../src/policy/compile.js";

const drivers = { direct, drive };

export type DriverName = keyof typeof drivers;

/** Makes policies that run on this driver, whatever their plan would choose. */
export function compiledFor<T>(driver: DriverName, make: () => T): T {
  forceDriver(drivers[driver]);
  try {
    return make();
  } finally {
    forceDriver(undefined);
  }
}
