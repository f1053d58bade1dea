import type { Answered, Submit } from "../connection/inside.js";

/** Runs a statement where the server refuses to write. */
export function inReadOnly(
  submit: Submit,
  send: (answered: Answered) => void,
  answered: Answered,
): void {
  submit("BEGIN READ ONLY", undefined, (error, result) => {
    if (error) return answered(error, result);
    send((failure, rows) => {
      submit(failure ? "ROLLBACK" : "COMMIT", undefined, (lost) => answered(failure ?? lost, rows));
    });
  });
}
