import type { CircuitRules } from "../guards/circuit/rules.js";
import { formatDuration } from "../time/duration.js";

/** When a breaker opens, for how long, and what comes then: a line of `explain()`. */
export function textOf(rules: CircuitRules): string {
  const { openMs, maxOpenMs, probes } = rules;
  const growing = maxOpenMs > openMs ? `, growing to ${formatDuration(maxOpenMs)}` : "";
  const then = probes === 1 ? "1 probe" : `${probes} probes`;
  return `opens on ${ruleTexts(rules).join(", or ")}; for ${formatDuration(openMs)}${growing}; then ${then}`;
}

function ruleTexts(rules: CircuitRules): string[] {
  const { minimumCalls } = rules;
  const share = (value: number): string =>
    `a share of ${value} within ${windowText(rules)} (from ${minimumCalls} attempts)`;
  const texts = [
    rules.consecutiveFailures === Infinity ? "" : `${rules.consecutiveFailures} failures in a row`,
    rules.failureRatio === Infinity ? "" : `failures: ${share(rules.failureRatio)}`,
    rules.timeoutRatio === Infinity ? "" : `timeouts: ${share(rules.timeoutRatio)}`,
    rules.slowCallMs === Infinity
      ? ""
      : `slower than ${formatDuration(rules.slowCallMs)}: ${share(rules.slowCallRatio)}`,
  ];
  return texts.filter((rule) => rule !== "");
}

function windowText({ window }: CircuitRules): string {
  if (window === undefined) return "";
  return "count" in window ? `the last ${window.count} attempts` : formatDuration(window.ms);
}
