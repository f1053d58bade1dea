// Some tests start real processes; those import the published bundle, so it must be the bundle of this source.
import { bundleAll } from "./bundle.mjs";

export async function setup() {
  await bundleAll();
}
