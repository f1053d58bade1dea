// Some tests start real processes; those import the published bundle, so it must be the bundle of this source.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleAll } from "./bundle.mjs";

export async function setup() {
  await bundleAll();
  const folder = mkdtempSync(join(tmpdir(), "breakwater-tests-"));
  chmodSync(folder, 0o777); // a server that runs as somebody else puts its data there, for all tests
  process.env["TEST_RUN_FOLDER"] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
