import type { Answered, Submit } from "../connection/inside.js";
import type { Statement } from "./statement.js";

/** pg writes its callback into the config that it is given; who uses a config twice must not find ours in it. */
export function submitStatement(
  submit: Submit,
  { config, values }: Pick<Statement, "config" | "values">,
  answered: Answered,
): void {
  if (typeof config === "string") return void submit(config, values, answered);
  const own = Object.getOwnPropertyDescriptor(config, "callback");
  try {
    submit(config, values, answered);
  } finally {
    if (own === undefined) Reflect.deleteProperty(config, "callback");
    else Object.defineProperty(config, "callback", own);
  }
}
