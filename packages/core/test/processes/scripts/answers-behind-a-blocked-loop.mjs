// 20 calls under a 200 ms timeout; the answers arrive while the loop is blocked for 400 ms.
import { createServer, get } from "node:http";
import { fork } from "node:child_process";
import { circuitBreaker, explainError, resilient, timeout } from "../../../dist/index.js";

if (process.argv[2] === "server") {
  const server = createServer((_request, response) => setTimeout(() => response.end("fine"), 60));
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
} else {
  const server = fork(new URL(import.meta.url).pathname, ["server"]);
  const port = await new Promise((resolve) => server.once("message", resolve));
  const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), timeout(200), {
    name: "blocked",
  });
  const calls = Array.from({ length: 20 }, () => policy.execute(({ signal }) => ask(port, signal)));
  setTimeout(() => {
    const blockedUntil = performance.now() + 400;
    while (performance.now() < blockedUntil);
  }, 30);
  const settled = await Promise.allSettled(calls);
  const failed = settled.filter(({ status }) => status === "rejected");
  console.log(
    JSON.stringify({
      answered: 20 - failed.length,
      failed: failed.map(({ reason }) => String(explainError(reason))),
    }),
  );
  server.kill();
}

function ask(port, signal) {
  return new Promise((resolve, reject) => {
    get({ port, host: "127.0.0.1", signal }, (response) => {
      response.resume().once("end", () => resolve(response.statusCode));
    }).once("error", reject);
  });
}
