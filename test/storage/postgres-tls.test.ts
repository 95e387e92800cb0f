/** TLS to a real PostgreSQL that takes nothing else: what each sslmode checks, and what it says when that does not hold. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { migrationsDirectory } from "../../src/storage/migration-files.ts";
import { Migrator } from "../../src/storage/migrator.ts";
import { connectPostgres } from "../../src/storage/postgres-connection.ts";
import { inspectPostgres } from "../../src/storage/postgres-inspection.ts";
import type { PostgresOptions, PostgresTls } from "../../src/storage/postgres-options.ts";
import {
  ALICE,
  BOB,
  balanceOf,
  deployToken,
  openEngine,
  submit,
  temporaryDirectory,
  transfer,
} from "../support/engine.ts";
import { describeOwnPostgres, startTlsPostgres } from "../support/postgres.ts";
import { runCli } from "../support/run-cli.ts";
import { selfSignedCertificate } from "../support/self-signed-certificate.ts";

describeOwnPostgres("PostgreSQL over TLS", () => {
  let options: PostgresOptions;
  let caFile: string;
  let strangerFile: string;
  beforeAll(async () => {
    ({ options, caFile } = await startTlsPostgres());
    strangerFile = join(temporaryDirectory().path, "ca.pem");
    writeFileSync(strangerFile, selfSignedCertificate().certificate);
  });

  /** Another database there, migrated. */
  async function ownDatabase(): Promise<PostgresOptions> {
    const database = `d${randomBytes(4).toString("hex")}`;
    const owner = await connectPostgres(options, { application: "test" });
    await owner.query(`create database ${database}`);
    await owner.end();
    const client = await connectPostgres({ ...options, database }, { application: "test" });
    await new Migrator(client, options.schema, migrationsDirectory()).migrate();
    await client.end();
    return { ...options, database };
  }

  /** "encrypted", or why there is no connection. */
  async function outcome(tls: PostgresTls, host = "localhost"): Promise<string> {
    try {
      return (await inspectPostgres({ ...options, host, tls })).isEncrypted ? "encrypted" : "plain";
    } catch (problem) {
      return (problem as Error).message;
    }
  }

  it.each<[PostgresTls["mode"], "none" | "its" | "another", string, RegExp]>([
    ["verify-full", "its", "localhost", /^encrypted$/],
    ["verify-full", "its", "127.0.0.1", /does not match certificate's altnames/],
    ["verify-full", "another", "localhost", /self-signed certificate/],
    ["verify-full", "none", "localhost", /self-signed certificate/],
    ["verify-ca", "its", "127.0.0.1", /^encrypted$/],
    ["verify-ca", "another", "localhost", /self-signed certificate/],
    ["require", "none", "127.0.0.1", /^encrypted$/],
    ["require", "another", "localhost", /self-signed certificate/],
    ["disable", "none", "localhost", /no pg_hba\.conf entry .*no encryption/],
  ])("sslmode %s with %s CA, by the name %s", async (mode, ca, host, expected) => {
    const file = { none: undefined, its: caFile, another: strangerFile }[ca];
    expect(await outcome({ mode, caFile: file }, host)).toMatch(expected);
  });

  it("names the file when the CA can't be read", async () => {
    const tls = { mode: "verify-full", caFile: "/nowhere/ca.pem" } as const;
    await expect(connectPostgres({ ...options, tls }, { application: "test" })).rejects.toMatchObject({
      message: /storage\.postgres\.sslrootcert can't be read.*ENOENT/,
    });
  });

  it.each(["journal", "strict"] as const)("carries what durability %s needs", async (durability) => {
    const directory = temporaryDirectory();
    const database = await ownDatabase();
    const postgres = { options: database, durability, address: "test" };
    const { engine } = await openEngine({ dataDir: directory.path, postgres });
    const token = await deployToken(engine);
    await submit(engine, [transfer(token, ALICE, BOB, 5)]);
    expect(await balanceOf(engine, token, BOB)).toBe(5n);
    const { durableSeq } = engine.service.health().backends["log"]!;
    await expect
      .poll(() => engine.service.health().backends["postgres"])
      .toMatchObject({ status: "ok", appliedSeq: durableSeq });
    await engine.close();
    directory.remove();
  });

  it("is what doctor asks for by sslmode and sslrootcert of the URL", async () => {
    const url = (host: string) =>
      `postgres://postgres@${host}:${options.port}/postgres?sslmode=verify-full&sslrootcert=${encodeURIComponent(caFile)}`;
    const check = async (host: string) => {
      const directory = temporaryDirectory();
      const { json } = await runCli(["doctor", "--json"], {
        cwd: directory.path,
        environment: { DATABASE_URL: url(host) },
      });
      directory.remove();
      return json().result.checks.find(({ name }: { name: string }) => name === "PostgreSQL");
    };
    expect(await check("localhost")).toMatchObject({ status: "ok" });
    expect(await check("127.0.0.1")).toMatchObject({
      status: "failed",
      found: expect.stringContaining("does not match certificate's altnames"),
    });
  });
});
