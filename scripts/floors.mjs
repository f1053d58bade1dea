// The house of the core: a file imports from its own folder or from lower floors, never up and never across, and no
// two files import each other in a circle. Type imports count: what is hidden in types is a dependency all the same.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const FLOORS = [
  ["time", "errors", "verdicts"],
  ["call", "events", "windows", "keys", "retry"],
  ["guards", "budget", "classify"],
  ["engine"],
  ["parts"],
  ["policy"],
  ["decorator", "logging", "testing", "dead-letters", "state"],
  ["."],
];

const src = fileURLToPath(new URL("../packages/core/src/", import.meta.url));
const files = readdirSync(src, { recursive: true }).filter((name) => name.endsWith(".ts"));
const imports = new Map(files.map((file) => [file, importsOf(file)]));
const problems = [...files.flatMap(climbs), ...circles()];

for (const problem of problems) console.error(problem);
if (problems.length === 0)
  console.log(`${files.length} files on ${FLOORS.length} floors: imports go down only, no circles`);
process.exitCode = problems.length === 0 ? 0 : 1;

function importsOf(file) {
  const text = readFileSync(join(src, file), "utf8");
  const specifiers = [...text.matchAll(/\bfrom "(\.[^"]+)"|^import "(\.[^"]+)"/gm)].map(
    (match) => match[1] ?? match[2],
  );
  return specifiers.map((specifier) =>
    relative(src, join(src, dirname(file), specifier)).replace(/\.js$/, ".ts"),
  );
}

function climbs(file) {
  const own = floorOf(file);
  if (own === -1) return [`${file}: its folder is on no floor; give it one in scripts/floors.mjs`];
  return imports
    .get(file)
    .filter((target) => roomOf(target) !== roomOf(file) && floorOf(target) >= own)
    .map(
      (target) =>
        `${file} imports ${target}: floor ${own} may only reach below itself, and that is floor ${floorOf(target)}`,
    );
}

/** A folder within a folder belongs to the same room. */
function roomOf(file) {
  return dirname(file).split("/")[0];
}

function floorOf(file) {
  return FLOORS.findIndex((folders) => folders.includes(roomOf(file)));
}

/** Depth first; a file that is met again on its own path closes a circle. */
function circles() {
  const found = [];
  const done = new Set();
  const visit = (file, path) => {
    if (path.includes(file))
      return void found.push(`circle: ${[...path.slice(path.indexOf(file)), file].join(" -> ")}`);
    if (done.has(file)) return;
    for (const target of imports.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  return found;
}
