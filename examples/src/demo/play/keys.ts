import { emitKeypressEvents } from "node:readline";

interface Key {
  readonly name?: string;
  readonly sequence?: string;
  readonly ctrl?: boolean;
}

/** Hears single keys, until what it returns is called. Ctrl-C stays what it is. */
export function hearKeys(input: NodeJS.ReadStream, hear: (key: string) => void): () => void {
  const listen = (_text: string | undefined, { name, sequence, ctrl }: Key): void => {
    if (ctrl === true && name === "c") process.kill(process.pid, "SIGINT");
    else hear(name ?? sequence ?? "");
  };
  emitKeypressEvents(input);
  input.setRawMode(true).resume().on("keypress", listen);
  return () => {
    input.setRawMode(false).pause().off("keypress", listen);
  };
}
