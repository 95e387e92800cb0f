/** doctor and health, with real servers and a real daemon: what they find, what to do, and the exit code. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startDaemon } from "../support/daemon.ts";
import { createDatabase, createMigratedDatabase, describePostgres, urlOf } from "../support/postgres.ts";
import { describeOwnRedis, PrivateRedis } from "../support/redis.ts";
import { runCli } from "../support/run-cli.ts";

function workingDirectory(): string {
  const cwd = mkdtempSync(join(tmpdir(), "polytorus-servers-"));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  return cwd;
}

async function checks(
  environment: NodeJS.ProcessEnv,
): Promise<Record<string, { status: string; found: string; fix?: string }>> {
  const { json } = await runCli(["doctor", "--json"], { cwd: workingDirectory(), environment });
  const { result } = json();
  return Object.fromEntries(result.checks.map((check: { name: string }) => [check.name, check]));
}

const redisUrl = (server: PrivateRedis) => `redis://127.0.0.1:${server.options().port}`;

describePostgres("doctor and PostgreSQL", () => {
  it("passes a database whose migrations are applied", async () => {
    const found = await checks({ DATABASE_URL: urlOf(await createMigratedDatabase()) });
    expect(found["PostgreSQL"]).toMatchObject({
      status: "ok",
      found: expect.stringMatching(/^version \d+\.\d+.* ms away/),
    });
    expect(found["migrations"]).toMatchObject({ status: "ok" });
  });

  it("names the command that brings the migrations up", async () => {
    const found = await checks({ DATABASE_URL: urlOf(await createDatabase()) });
    expect(found["migrations"]).toMatchObject({ status: "failed", fix: "polytorus db migrate" });
  });

  it("fails when nobody answers, without the password", async () => {
    const found = await checks({ DATABASE_URL: "postgres://u:s3cret@127.0.0.1:1/x" });
    expect(found["PostgreSQL"]).toMatchObject({ status: "failed", found: expect.stringContaining("ECONNREFUSED") });
    expect(JSON.stringify(found)).not.toContain("s3cret");
  });
});

describeOwnRedis("doctor and Redis", () => {
  it("passes a server, and warns of one that may drop any key", async () => {
    const server = await PrivateRedis.start();
    const found = await checks({ REDIS_URL: redisUrl(server) });
    expect(found["Redis"]).toMatchObject({ status: "ok", found: expect.stringMatching(/^version \d+\..*standalone/) });
    const evicting = await PrivateRedis.start({ args: ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"] });
    expect((await checks({ REDIS_URL: redisUrl(evicting) }))["Redis"]).toMatchObject({
      status: "warning",
      found: expect.stringContaining("allkeys-lru may drop any key"),
    });
  });

  it("fails a cluster that was not said to be one, and a replica", async () => {
    const cluster = await PrivateRedis.start({ isCluster: true });
    expect((await checks({ REDIS_URL: redisUrl(cluster) }))["Redis"]).toMatchObject({
      status: "failed",
      fix: "set redis.cluster = true",
    });
    const primary = await PrivateRedis.start();
    const replica = await PrivateRedis.start({ args: ["--replicaof", "127.0.0.1", String(primary.options().port)] });
    expect((await checks({ REDIS_URL: redisUrl(replica) }))["Redis"]).toMatchObject({
      status: "failed",
      fix: "name the primary",
    });
  });
});

describeOwnRedis("health", () => {
  it("shows each part and exits with 0, and with 69 once one is away", async () => {
    const server = await PrivateRedis.start();
    const daemon = await startDaemon(join(workingDirectory(), "data"), {
      environment: { REDIS_URL: redisUrl(server) },
    });
    onTestFinished(() => daemon.kill("SIGTERM"));
    const run = (...args: string[]) => runCli(["health", "--ipc", daemon.ipc, ...args], { cwd: workingDirectory() });
    await expect.poll(async () => (await run()).stdout).toMatch(/redis +ok +[\d.]+ ms/);
    const { code, json } = await run("--json");
    expect([code, json().result]).toMatchObject([
      0,
      { status: "ready", redisConnected: true, postgresConnected: null },
    ]);
    await server.kill();
    await expect.poll(async () => (await run()).code).toBe(69);
    // What the thread that follows says comes before the next look at the server.
    await expect
      .poll(async () => (await run()).stdout)
      .toMatch(/status +degraded[\s\S]*redis +unreachable .*ECONNREFUSED/);
  });
});

describe("health without a daemon", () => {
  it("exits with 69", async () => {
    expect((await runCli(["health"], { cwd: workingDirectory() })).code).toBe(69);
  });
});
