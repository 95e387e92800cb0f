/**
 * Composition root of the daemon: configuration ─▶ data directory ─▶ engine ─▶ sockets and HTTP. Stopped in reverse.
 */
import { endianness } from "node:os";
import type { DaemonDescription, RunningDaemon } from "./cli/seams.ts";
import type { Config } from "./config/config.ts";
import { Engine } from "./engine.ts";
import { EngineError } from "./errors.ts";
import { DEFAULT_PARAMETERS } from "./execution/parameters.ts";
import { Monitoring } from "./monitoring.ts";
import { type Log, openLog } from "./observability/log.ts";
import { openBinaryServer } from "./rpc/binary-server.ts";
import { HttpServer } from "./rpc/http-server.ts";
import { JsonRpc } from "./rpc/json-rpc.ts";
import { DEFAULT_FRONT_LIMITS, type FrontLimits } from "./rpc/limits.ts";
import { MetricsServer, type MetricsText } from "./rpc/metrics-endpoint.ts";
import { openSocketServer } from "./rpc/socket-server.ts";
import { DataDir } from "./storage/data-dir.ts";
import { loadTokens } from "./tokens.ts";

interface Closable {
  close(timeoutMs: number): Promise<void>;
}

/** Starts the daemon and resolves when it answers on every address. @throws EngineError. */
export async function startDaemon(config: Config): Promise<RunningDaemon> {
  if (endianness() !== "LE")
    throw new EngineError(
      "CONFIGURATION_ERROR",
      "this processor is big-endian; the daemon needs a little-endian one",
      {},
    );
  const log = await openLog(config.log);
  const dataDir = config.storage.kind !== "memory" ? DataDir.open(config.dataDir) : undefined;
  let engine: Engine | undefined;
  const servers: Closable[] = [];
  const stopping: Stopping = new Stopping();
  try {
    const limits: FrontLimits = { ...DEFAULT_FRONT_LIMITS, ...config.limits };
    const monitoring = await Monitoring.open(config.monitoring, log);
    const opened = await openEngine(config, limits, log, monitoring, (error) => stopping.fail(error));
    engine = opened;
    const rpc = new JsonRpc(
      { blockMode: config.mode, limits, bech32Prefix: engine.parameters.addressPrefix },
      { service: engine.service, log, telemetry: monitoring?.telemetry },
    );
    monitoring?.report(opened, config.monitoring.intervalSecs * 1000);
    const metrics = config.monitoring.performance ? () => monitoring!.text(opened) : undefined;
    if (monitoring !== undefined) servers.push(monitoring);
    const { mode, group } = config.ipc;
    servers.push(await openSocketServer({ path: config.ipc.path, mode, group }, rpc));
    servers.push(await openBinaryServer({ path: config.ipc.binaryPath, mode, group }, rpc));
    const http =
      config.http === undefined
        ? undefined
        : await openHttp(config, rpc, config.monitoring.listen === undefined ? metrics : undefined);
    if (http !== undefined) servers.push(http);
    if (config.monitoring.listen !== undefined && metrics !== undefined)
      servers.push(await MetricsServer.open(config.monitoring.listen, metrics));
    return new LocalDaemon(config, log, dataDir, engine, rpc, servers, http?.url, stopping);
  } catch (problem) {
    for (const server of servers.reverse()) await server.close(0);
    await engine?.close();
    dataDir?.close();
    throw problem;
  }
}

function openEngine(
  config: Config,
  limits: FrontLimits,
  log: Log,
  monitoring: Monitoring | undefined,
  onFatal: (error: EngineError) => void,
): Promise<Engine> {
  const { genesis } = config.chain;
  const { enhanced } = config;
  return Engine.open({
    dataDir: config.storage.kind !== "memory" ? config.dataDir : undefined,
    mode: config.mode,
    parameters: { ...DEFAULT_PARAMETERS, ...genesis?.parameters, chainId: genesis?.chainId ?? config.chain.id },
    balances: genesis?.balances ?? [],
    postgres: postgresStorage(config),
    segmentBytes: config.journal.segmentBytes,
    backlogMaxBytes: config.journal.backlogMaxBytes,
    retention: config.retention,
    modulesBytesMax: config.wasm.modulesMaxBytes,
    queries: config.queries,
    limits: { ...limits, queryGasMax: String(limits.queryGasMax) },
    executionTimeoutMs: enhanced.maxExecutionTimeMs,
    analytics: enhanced.enableAnalytics,
    optimize: enhanced.enableOptimization,
    telemetry: monitoring?.telemetry,
    queryGasForced: enhanced.enforceGasLimits ? undefined : limits.queryGasMax,
    resultCache: {
      entriesMax: enhanced.enableCaching ? enhanced.maxCacheEntries : 0,
      bytesMax: enhanced.maxCacheBytes,
      ttlMs: enhanced.cacheTtlSecs * 1000,
    },
    privacy: {
      workers: config.privacy.workers,
      blobBytesMax: config.privacy.blobsMaxBytes,
      jobsMax: config.privacy.jobsMax,
    },
    now: Date.now,
    report: (level, message, facts) => log[level](facts, message),
    onFatal: (error) => {
      log.fatal({ code: error.code, ...error.facts }, error.message);
      onFatal(error);
    },
  });
}

function postgresStorage(config: Config): Parameters<typeof Engine.open>[0]["postgres"] {
  const { kind, durability, postgres } = config.storage;
  if (kind !== "postgres" || durability === "memory") return undefined;
  const { tables: hasTables, leaseMs, ...options } = postgres;
  return { options, durability, address: addressOf(config), leaseMs, hasTables };
}

/** What another daemon tells clients to go to. */
function addressOf({ http, ipc }: Config): string {
  if (http === undefined) return ipc.path;
  const host = http.host.includes(":") ? `[${http.host}]` : http.host;
  return `${http.tlsCertFile === undefined ? "http" : "https"}://${host}:${http.port}`;
}

async function openHttp(config: Config, rpc: JsonRpc, metrics: MetricsText | undefined): Promise<HttpServer> {
  const { host, port, tlsCertFile, tlsKeyFile, tokensFile, admin } = config.http!;
  return await HttpServer.open(
    { host, port, dev: config.dev, admin, tokens: loadTokens(tokensFile), tlsCertFile, tlsKeyFile, metrics },
    rpc,
  );
}

/** Resolved by an orderly stop, rejected by a fatal error. */
class Stopping {
  readonly stopped: Promise<void>;
  done!: () => void;
  #reject!: (error: EngineError) => void;
  fatal: EngineError | undefined;
  onFatal: () => void = () => {};

  constructor() {
    this.stopped = new Promise((resolve, reject) => {
      this.done = resolve;
      this.#reject = reject;
    });
    this.stopped.catch(() => {});
  }

  fail(error: EngineError): void {
    this.fatal ??= error;
    this.onFatal();
  }

  finish(): void {
    if (this.fatal === undefined) this.done();
    else this.#reject(this.fatal);
  }
}

class LocalDaemon implements RunningDaemon {
  readonly stopped: Promise<void>;
  readonly #config: Config;
  readonly #log: Log;
  readonly #dataDir: DataDir | undefined;
  readonly #engine: Engine;
  readonly #rpc: JsonRpc;
  readonly #servers: Closable[];
  readonly #httpUrl: string | undefined;
  readonly #stopping: Stopping;
  #closing: Promise<void> | undefined;

  constructor(
    config: Config,
    log: Log,
    dataDir: DataDir | undefined,
    engine: Engine,
    rpc: JsonRpc,
    servers: Closable[],
    httpUrl: string | undefined,
    stopping: Stopping,
  ) {
    this.#config = config;
    this.#log = log;
    this.#dataDir = dataDir;
    this.#engine = engine;
    this.#rpc = rpc;
    this.#servers = servers;
    this.#httpUrl = httpUrl;
    this.#stopping = stopping;
    this.stopped = stopping.stopped;
    stopping.onFatal = () => void this.close();
    if (stopping.fatal !== undefined) void this.close();
  }

  describe(): DaemonDescription {
    const { chainId, height } = this.#engine.service.info() as { chainId: number; height: number };
    return { ipc: this.#config.ipc.path, binaryIpc: this.#config.ipc.binaryPath, http: this.#httpUrl, chainId, height };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { shutdownMs } = this.#config;
    this.#log.info({ shutdownMs }, "stopping");
    this.#rpc.stop();
    await Promise.all(this.#servers.map((server) => server.close(shutdownMs)));
    try {
      await this.#engine.close();
    } catch (problem) {
      this.#log.error({ err: problem }, "the engine did not close in order");
    }
    this.#dataDir?.close();
    this.#log.info({}, "stopped");
    this.#stopping.finish();
  }
}
