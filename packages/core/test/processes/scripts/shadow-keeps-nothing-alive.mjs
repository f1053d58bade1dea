// In shadow a time limit is only watched: a call that hangs ends with its process, as the bare call would.
import { deadline, resilient, retry, timeout } from "../../../dist/index.js";

const hangs = () => new Promise(() => {});
void resilient(timeout("1h"), retry(), { name: "watched", mode: "shadow" }).execute(hangs);
void resilient(deadline("1h"), { name: "bounded", mode: "shadow" }).execute(hangs);
void resilient(retry(), { name: "asked", mode: "shadow" }).execute(hangs, { deadlineMs: "1h" });
