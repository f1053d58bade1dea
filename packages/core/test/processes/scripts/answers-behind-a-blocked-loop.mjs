// 20 calls under a 1 s timeout; the answers arrive while the loop is blocked for 1.5 s.
import { createServer, get } from "node:http";
import { fork } from "node:child_process";
import { circuitBreaker, explainError, resilient, timeout } from "../../../dist/index.js";

if (process.argv[2] === "server") {
  let requests = 0;
  const server = createServer((_request, response) => {
    setTimeout(() => response.end("fine"), 60);
    if (++requests === 20) process.send("all are here");
  });
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
} else {
  const server = fork(new URL(import.meta.url).pathname, ["server"]);
  const port = await new Promise((resolve) => server.once("message", resolve));
  const policy = resilient(circuitBreaker({ consecutiveFailures: 1 }), timeout(1_000), {
    name: "blocked",
  });
  const calls = Array.from({ length: 20 }, () => policy.execute(({ signal }) => ask(port, signal)));
  server.once("message", () => {
    const blockedUntil = performance.now() + 1_500;
    while (performance.now() < blockedUntil);
  });
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
