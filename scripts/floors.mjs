// The houses: in each package a file imports from its own folder or from lower floors, never up and never across, and no
// two files import each other in a circle. Type imports count: what is hidden in types is a dependency all the same.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The folders of each package, from the ground up. */
const HOUSES = {
  core: [
    ["time", "errors", "verdicts"],
    ["call", "files", "events", "windows", "keys", "retry"],
    ["guards", "budget", "classify"],
    ["engine"],
    ["parts"],
    ["policy"],
    ["decorator", "logging", "config", "testing", "dead-letters", "state"],
    ["."],
  ],
  "axios-adapter": [
    ["errors"],
    ["options"],
    ["classify", "config"],
    ["policy"],
    ["request"],
    ["."],
  ],
  "pg-adapter": [
    ["errors", "connection"],
    ["options", "classify"],
    ["policy", "cancel"],
    ["query"],
    ["pool"],
    ["clients"],
    ["wrap"],
    ["transaction"],
    ["lock"],
    ["dead-letters"],
    ["."],
  ],
};

const packages = fileURLToPath(new URL("../packages/", import.meta.url));
const houses = readdirSync(packages).map(inspect);
const problems = houses.flatMap((house) => house.problems);

for (const problem of problems) console.error(problem);
if (problems.length === 0)
  for (const { name, files, floors } of houses)
    console.log(`${name}: ${files} files on ${floors} floors: imports go down only, no circles`);
process.exitCode = problems.length === 0 ? 0 : 1;

function inspect(name) {
  const floors = HOUSES[name];
  if (floors === undefined) return { problems: [`${name}: give it floors in scripts/floors.mjs`] };
  const src = join(packages, name, "src");
  const files = readdirSync(src, { recursive: true }).filter((file) => /\.c?ts$/.test(file));
  const imports = new Map(files.map((file) => [file, importsOf(src, file)]));
  const found = [...files.flatMap((file) => climbs(floors, imports, file)), ...circles(imports)];
  return {
    name,
    files: files.length,
    floors: floors.length,
    problems: found.map((problem) => `${name}: ${problem}`),
  };
}

function importsOf(src, file) {
  const text = readFileSync(join(src, file), "utf8");
  const specifiers = [...text.matchAll(/\bfrom "(\.[^"]+)"|^import "(\.[^"]+)"/gm)].map(
    (match) => match[1] ?? match[2],
  );
  return specifiers.map((specifier) =>
    relative(src, join(src, dirname(file), specifier)).replace(/\.js$/, ".ts"),
  );
}

function climbs(floors, imports, file) {
  const own = floorOf(floors, file);
  if (own === -1) return [`${file}: its folder is on no floor; give it one in scripts/floors.mjs`];
  return imports
    .get(file)
    .filter((target) => roomOf(target) !== roomOf(file) && floorOf(floors, target) >= own)
    .map(
      (target) =>
        `${file} imports ${target}: floor ${own} may only reach below itself, and that is floor ${floorOf(floors, target)}`,
    );
}

/** A folder within a folder belongs to the same room. */
function roomOf(file) {
  return dirname(file).split("/")[0];
}

function floorOf(floors, file) {
  return floors.findIndex((folders) => folders.includes(roomOf(file)));
}

/** Depth first; a file that is met again on its own path closes a circle. */
function circles(imports) {
  const found = [];
  const done = new Set();
  const visit = (file, path) => {
    if (path.includes(file))
      return void found.push(`circle: ${[...path.slice(path.indexOf(file)), file].join(" -> ")}`);
    if (done.has(file)) return;
    for (const target of imports.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return found;
}
