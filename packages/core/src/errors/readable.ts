const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** Plain data that prints as a text: `String(x)` and `console.log(x)` show the text, `JSON.stringify(x)` the data. */
export abstract class Readable {
  abstract toString(): string;

  [INSPECT](): string {
    return this.toString();
  }
}
