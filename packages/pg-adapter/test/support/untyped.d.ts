// Packages of the tests that come without types: what is used of them.
declare module "connect-pg-simple" {
  import type pg from "pg";
  interface Store {
    set(sid: string, session: object, done: (error?: unknown) => void): void;
    get(sid: string, done: (error: unknown, session?: object) => void): void;
    destroy(sid: string, done: (error?: unknown) => void): void;
    close(): void;
  }
  interface Options {
    pool: pg.Pool;
    createTableIfMissing: boolean;
    pruneSessionInterval: false;
  }
  export default function connect(session: unknown): new (options: Options) => Store;
}
declare module "express-session" {
  const session: unknown;
  export default session;
}
declare module "pg-copy-streams" {
  import type { Readable, Writable } from "node:stream";
  import type { Submittable } from "pg";
  export function from(text: string): Writable & Submittable;
  export function to(text: string): Readable & Submittable;
}
declare module "pg-cursor" {
  import type { Submittable } from "pg";
  export default class Cursor implements Submittable {
    constructor(text: string, values?: unknown[]);
    submit: Submittable["submit"];
    read(rows: number): Promise<unknown[]>;
    close(): Promise<void>;
  }
}
