/** PostgreSQL for a bench: the server of DATABASE_URL, or one on this machine, and a database that goes away with the bench. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import pg from "pg";
import { ROOT } from "./program.ts";

const DEFAULT_URL = "postgres://postgres@127.0.0.1:5432/postgres";
const MAIN = join(ROOT, "dist/main.js");

export class Database {
  readonly url: string;
  readonly #name: string;
  readonly #owner: string;

  /** An empty database with every migration applied. @throws Error when there is no server. */
  static async create(name: string): Promise<Database> {
    const owner = process.env["DATABASE_URL"] ?? DEFAULT_URL;
    const database = new Database(owner, `polytorus_bench_${process.pid}_${name}`);
    await database.#asOwner(`create database ${database.#name}`);
    execFileSync(MAIN, ["db", "migrate", "--database", database.url], { stdio: "ignore" });
    return database;
  }

  private constructor(owner: string, name: string) {
    this.#owner = owner;
    this.#name = name;
    const url = new URL(owner);
    url.pathname = `/${name}`;
    this.url = url.href;
  }

  async query(text: string): Promise<Record<string, unknown>[]> {
    return await run(this.url, text);
  }

  async drop(): Promise<void> {
    await this.#asOwner(`drop database if exists ${this.#name} with (force)`);
  }

  async #asOwner(text: string): Promise<void> {
    await run(this.#owner, text);
  }
}

async function run(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
