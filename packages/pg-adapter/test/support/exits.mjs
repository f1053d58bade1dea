// A process that asks one thing, and has nothing to do after it.
import { wrapPool } from "@breakwater/pg-adapter";
import pg from "pg";

const [, , connectionString] = process.argv;
const pool = wrapPool(new pg.Pool({ connectionString, allowExitOnIdle: true }));
console.log((await pool.query("select 'asked' as n")).rows[0].n);
