import "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** Which decorators the tests have been compiled to. */
    readonly dialect: "legacy" | "standard";
  }
}
