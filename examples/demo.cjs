// The demo's door. It is written so that an old Node.js can read it, and say what it lacks.
"use strict";

var version = process.versions.node.split(".").map(Number);

if (version[0] > 20 || (version[0] === 20 && version[1] >= 19)) {
  void import("./dist/demo/main.js");
} else {
  console.error("The demo needs Node.js 20.19 or newer; this is " + process.versions.node + ".");
  process.exitCode = 70;
}
