import { badInput } from "@breakwater/core";
import type { PoolClient } from "pg";
import { usedAfterEnd } from "./errors.js";
import type { Session } from "./session.js";

const lent = new WeakMap<object, LentClient>();

/** The transaction that a client was lent for; undefined for all other clients and pools. */
export function lentClientOf(client: object): LentClient | undefined {
  return lent.get(client);
}

/**
 * The client as a transaction's function gets it: the same in all but its end. It answers only until then, as the real
 * one soon has another user.
 */
export class LentClient {
  readonly session: Session;
  readonly client: PoolClient;
  /** How many transactions it is inside of. */
  readonly depth: number;
  isOpen = true;
  /** A transaction inside this one runs. */
  isLentOn = false;

  constructor(session: Session, depth = 0) {
    this.session = session;
    this.depth = depth;
    this.client = new Proxy(session.client, {
      get: (target, name) => this.#get(target, name),
    });
    lent.set(this.client, this);
  }

  #get(target: PoolClient, name: string | symbol): unknown {
    if (name === "query") return this.#query;
    if (name === "release") return refuseRelease;
    const value: unknown = Reflect.get(target, name, target);
    return typeof value === "function" && name !== "constructor" ? value.bind(target) : value;
  }

  readonly #query = (...args: unknown[]): unknown => {
    const callback = args.at(-1);
    if (!this.isOpen) return refuse(usedAfterEnd(), callback);
    if (typeof callback === "function")
      args[args.length - 1] = (error: unknown, result: unknown) => {
        this.session.heard(error);
        callback(error, result);
      };
    return this.session.ask(args);
  };
}

function refuse(error: Error, callback: unknown): Promise<never> | undefined {
  if (typeof callback !== "function") return Promise.reject(error);
  process.nextTick(callback, error);
}

function refuseRelease(): never {
  throw badInput(
    "client.release",
    "no release inside withTransaction",
    undefined,
    "It gives the client back itself",
  );
}
