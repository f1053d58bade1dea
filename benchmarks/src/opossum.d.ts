/** What we use of opossum, which comes without types. */
declare module "opossum" {
  export default class CircuitBreaker {
    constructor(action: () => Promise<unknown>, options: object);
    readonly opened: boolean;
    fire(): Promise<unknown>;
  }
}
