import { readYamlWith } from "../policy/overrides/file.js";
import { parseFile } from "./parse.js";

// Whoever loads this entry can have the file of `BREAKWATER_OVERRIDES` as YAML, too.
readYamlWith(parseFile);
