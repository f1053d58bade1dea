/// <reference path="./commonjs.cts" preserve="true" />
export { install, type Installation, resilienceOf } from "./install.js";
export type { AnyAxiosInstance } from "./instance.js";
export type { AxiosOptions, AxiosPart } from "./options/install-options.js";
export type { MakeIdempotencyKey, RequestResilience } from "./options/request-options.js";
export type { PickPolicy } from "./policy/source.js";
export type { DeadlineHeader } from "./options/deadline-header.js";
export type { RequestAttempt, RequestReport } from "./options/report.js";
