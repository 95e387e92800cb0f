/**
 * A real Redis for tests:
 *   REDIS_URL ─▶ else a server on 127.0.0.1:6379 ─▶ else one of its own from the installed binary ─▶ else tests are skipped
 * What a test does to a whole server (FLUSHALL, restarts, TLS, a cluster) it does to one of its own, from the binary.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll } from "vitest";
import type { RedisOptions } from "../../src/storage/redis-options.ts";
import { describeWith } from "./describe-with.ts";
import { freePort } from "./free-port.ts";
import { hasProgram, type Need } from "./need.ts";
import { selfSignedCertificate } from "./self-signed-certificate.ts";

const INSTALL = "sudo apt-get install -y redis-server";
const OWN_SERVER: Need = { isMet: hasProgram("redis-server"), missing: "redis-server", command: INSTALL };

type Address = Pick<RedisOptions, "host" | "port" | "username" | "password" | "tls">;

const prefixes: string[] = [];
const servers: PrivateRedis[] = [];
const shared = await findServer();

/** A suite that needs Redis: skipped, with what would enable it, where there is none. */
export const describeRedis = (name: string, body: () => void): void =>
  describeWith({ isMet: shared !== undefined, missing: "Redis", command: INSTALL }, name, body);

/** A suite that starts servers of its own. */
export const describeOwnRedis = (name: string, body: () => void): void => describeWith(OWN_SERVER, name, body);

afterAll(async () => {
  if (shared !== undefined && prefixes.length > 0) {
    const client = clientOf({ ...redisOptions(shared), keyPrefix: "" });
    for (const prefix of prefixes) {
      const keys = await client.keys(`${prefix}*`);
      if (keys.length > 0) await client.del(...keys);
    }
    client.disconnect();
  }
  for (const server of servers) await server.remove();
});

/** The server of this run, under a prefix that nobody else has. */
export function sharedRedis(changes: Partial<RedisOptions> = {}): RedisOptions {
  const keyPrefix = `{polytorus-test-${randomBytes(6).toString("hex")}}:`;
  prefixes.push(keyPrefix);
  return { ...redisOptions(shared!), keyPrefix, ...changes };
}

/** For looking at what is there, as a reader outside the daemon does. */
export function clientOf({ host, port, username, password, tls }: RedisOptions): Redis {
  return new Redis({
    host,
    port,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: { rejectUnauthorized: false } }),
    disableClientInfo: true,
  });
}

export interface PrivateRedisOptions {
  /** Speaks TLS with a certificate for localhost that vouches for itself. */
  readonly tls?: boolean;
  readonly isCluster?: boolean;
  readonly password?: string;
  /** Further arguments of redis-server. */
  readonly args?: readonly string[];
}

/** A server that a test may stop, start and empty. It keeps what it had, as of its last `save`. */
export class PrivateRedis {
  readonly directory = mkdtempSync(join(tmpdir(), "polytorus-redis-"));
  readonly #options: PrivateRedisOptions;
  readonly #port: number;
  #child: ChildProcess | undefined;

  private constructor(options: PrivateRedisOptions, port: number) {
    this.#options = options;
    this.#port = port;
  }

  static async start(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
    const server = new PrivateRedis(options, await freePort());
    servers.push(server);
    if (options.tls === true) {
      const { certificate, key } = selfSignedCertificate();
      writeFileSync(server.caFile, certificate);
      writeFileSync(join(server.directory, "key.pem"), key);
    }
    await server.restart();
    if (options.isCluster === true) {
      const client = clientOf(server.options());
      await client.call("CLUSTER", "ADDSLOTSRANGE", 0, 16_383);
      for (;;) {
        if (String(await client.call("CLUSTER", "INFO")).includes("cluster_state:ok")) break;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      client.disconnect();
    }
    return server;
  }

  get caFile(): string {
    return join(this.directory, "certificate.pem");
  }

  options(changes: Partial<RedisOptions> = {}): RedisOptions {
    return redisOptions(
      {
        host: this.#options.tls === true ? "localhost" : "127.0.0.1",
        port: this.#port,
        username: undefined,
        password: this.#options.password,
        tls: this.#options.tls === true ? { caFile: this.caFile } : undefined,
      },
      { isCluster: this.#options.isCluster === true, ...changes },
    );
  }

  /** Starts it, after stopping it as a crash would. */
  async restart(): Promise<void> {
    await this.kill();
    const { tls, isCluster, password, args = [] } = this.#options;
    const port = String(this.#port);
    const files = ["--tls-cert-file", this.caFile, "--tls-key-file", join(this.directory, "key.pem")];
    const listen =
      tls === true ? ["--port", "0", "--tls-port", port, "--tls-auth-clients", "no", ...files] : ["--port", port];
    this.#child = spawn(
      "redis-server",
      [
        ...listen,
        ...["--bind", "127.0.0.1", "--dir", this.directory, "--save", "", "--appendonly", "no"],
        ...(isCluster === true ? ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"] : []),
        ...(password === undefined ? [] : ["--requirepass", password]),
        ...args,
      ],
      { stdio: "ignore" },
    );
    const client = clientOf(this.options());
    client.on("error", () => undefined);
    while ((await client.ping().catch(() => undefined)) !== "PONG" && this.#child.exitCode === null);
    client.disconnect();
    if (this.#child.exitCode !== null) throw new Error(`redis-server ended with code ${this.#child.exitCode}`);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function redisOptions(address: Address, changes: Partial<RedisOptions> = {}): RedisOptions {
  return {
    ...address,
    database: 0,
    isCluster: false,
    keyPrefix: "{polytorus:contracts}:",
    ttlSecs: { contract: 0, state: 0, account: 0, code: 0 },
    feedLength: 1_000,
    backlogMaxBytes: 64 * 1024 * 1024,
    connectTimeoutMs: 1_000,
    commandTimeoutMs: 2_000,
    ...changes,
  };
}

async function findServer(): Promise<Address | undefined> {
  const none = { username: undefined, password: undefined, tls: undefined };
  const named = process.env["REDIS_URL"];
  if (named !== undefined && named !== "") {
    const url = new URL(named.replace(/^rediss?:/, "http:"));
    return {
      host: url.hostname,
      port: Number(url.port || 6379),
      username: url.username === "" ? undefined : decodeURIComponent(url.username),
      password: url.password === "" ? undefined : decodeURIComponent(url.password),
      tls: named.startsWith("rediss:") ? { caFile: undefined } : undefined,
    };
  }
  const local = { ...none, host: "127.0.0.1", port: 6379 };
  const client = new Redis({ host: local.host, port: local.port, lazyConnect: true, retryStrategy: () => null });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.set("polytorus-test", "1", "PX", 1);
    return local;
  } catch {
    return OWN_SERVER.isMet ? (await PrivateRedis.start()).options() : undefined;
  } finally {
    client.disconnect();
  }
}
