/**
 * Composition root of the daemon: configuration ─▶ data directory ─▶ engine ─▶ sockets and HTTP. Stopped in reverse.
 */
import { endianness } from "node:os";
import { fileURLToPath } from "node:url";
import type { DaemonDescription, RunningDaemon } from "./cli/seams.ts";
import type { BackupConfig, Config } from "./config/config.ts";
import { maskSecrets } from "./config/secrets.ts";
import type { ShownSetting } from "./config/shown-settings.ts";
import { administration } from "./daemon/administration.ts";
import { Development } from "./daemon/development.ts";
import { Monitoring } from "./daemon/monitoring.ts";
import { loadTokens } from "./daemon/tokens.ts";
import type { WireCodec } from "./encoding/wire-codec.ts";
import { Engine } from "./engine.ts";
import { EngineError, toEngineError } from "./errors.ts";
import { DEFAULT_PARAMETERS } from "./execution/parameters.ts";
import { isAddon, loadAddon } from "./native/addon.ts";
import { nativeWireCodec } from "./native/wire-codec.ts";
import { type Log, openLog } from "./observability/log.ts";
import type { AdminService } from "./rpc/admin.ts";
import { openBinaryServer } from "./rpc/binary-server.ts";
import { ConsoleFiles } from "./rpc/console-files.ts";
import { HttpServer } from "./rpc/http-server.ts";
import { JsonRpc } from "./rpc/json-rpc.ts";
import { DEFAULT_FRONT_LIMITS, type FrontLimits } from "./rpc/limits.ts";
import { MetricsEndpoint, MetricsServer } from "./rpc/metrics-endpoint.ts";
import { openSocketServer } from "./rpc/socket-server.ts";
import type { ExecutorThreads } from "./sequencer/executor-threads.ts";
import { BackupHandle, type BackupHealth } from "./service/backup-handle.ts";
import { Stops } from "./service/stops.ts";
import { AuditLog } from "./storage/audit-log.ts";
import { DataDir } from "./storage/data-dir.ts";
import { unlockDataDir } from "./storage/encryption/unlocked.ts";
import { VERSION } from "./version.ts";

interface Closable {
  close(timeoutMs: number): Promise<void>;
}

/**
 * Starts the daemon and resolves when it answers on every address. @throws EngineError.
 * @param settings what `engine_config` answers.
 */
export async function startDaemon(
  config: Config,
  settings: readonly ShownSetting[],
  threads?: ExecutorThreads,
): Promise<RunningDaemon> {
  if (endianness() !== "LE")
    throw new EngineError(
      "CONFIGURATION_ERROR",
      "this processor is big-endian; the daemon needs a little-endian one",
      {},
    );
  const log = await openLog(config.log, maskSecrets);
  const dataDir = config.storage.kind !== "memory" ? DataDir.open(config.dataDir) : undefined;
  let engine: Engine | undefined;
  const servers: Closable[] = [];
  const stopping: Stopping = new Stopping();
  const stops = new Stops((level, message, facts) => log[level](facts, message));
  stops.add("the data directory", () => dataDir?.close());
  stops.add("the engine", () => engine?.close());
  stops.add("what answers", () => Promise.all(servers.map((server) => server.close(0))));
  try {
    if (dataDir !== undefined) unlockDataDir(dataDir.path, config.encryption.keyFile);
    const limits: FrontLimits = { ...DEFAULT_FRONT_LIMITS, ...config.limits };
    const monitoring = await Monitoring.open(config, log);
    let backups: BackupHandle | undefined;
    const development = config.dev ? new Development(config, log) : undefined;
    const opened = await openEngine(config, limits, {
      log,
      monitoring,
      development,
      threads,
      backups: () => backups?.describe(),
      onFatal: (error) => stopping.fail(error),
    });
    engine = opened;
    const samples = await development?.begin(opened);
    let http: HttpServer | undefined;
    const admin = administration(config, opened, (tokens) => http?.reload(tokens) ?? false);
    const audit = dataDir === undefined ? undefined : openAudit(config, log);
    const rpc = new JsonRpc(
      { blockMode: config.mode, limits, bech32Prefix: engine.parameters.addressPrefix, settings },
      {
        service: engine.service,
        log,
        codec: wireCodec(),
        telemetry: monitoring?.telemetry,
        admin,
        audit,
        dev: development?.service(opened),
      },
    );
    monitoring?.report(opened, config.monitoring.intervalSecs * 1000);
    const metrics = config.monitoring.performance
      ? new MetricsEndpoint(
          monitoring!.metrics(opened, () => rpc.streams.use()),
          log,
        )
      : undefined;
    if (monitoring !== undefined) servers.push(monitoring);
    if (config.backup !== undefined && dataDir !== undefined) {
      backups = scheduledBackups(config.backup, dataDir, log);
      servers.push(backups);
    }
    const { mode, group } = config.ipc;
    servers.push(await openSocketServer({ path: config.ipc.path, mode, group }, rpc));
    servers.push(await openBinaryServer({ path: config.ipc.binaryPath, mode, group }, rpc));
    http =
      config.http === undefined
        ? undefined
        : await openHttp(config, rpc, config.monitoring.listen === undefined ? metrics : undefined);
    if (http !== undefined) servers.push(http);
    if (config.monitoring.listen !== undefined && metrics !== undefined)
      servers.push(await MetricsServer.open(config.monitoring.listen, metrics));
    const daemon = new LocalDaemon(
      config,
      log,
      dataDir,
      engine,
      rpc,
      servers,
      http?.url,
      stopping,
      admin,
      audit,
      samples,
    );
    daemon.noteStart();
    return daemon;
  } catch (problem) {
    await stops.all();
    throw problem;
  }
}

/** Without the addon everything goes the long way; who starts the engine says why it is missing. */
function wireCodec(): WireCodec | undefined {
  const addon = loadAddon();
  return isAddon(addon) ? nativeWireCodec(addon) : undefined;
}

function openAudit(config: Config, log: Log): AuditLog {
  const report = (level: "info" | "error", message: string, facts: object) => log[level](facts, message);
  return new AuditLog({ dataDir: config.dataDir, bytesMax: config.audit.maxBytes, now: Date.now, report });
}

/** Opened before what answers, so that it is closed while the data directory is still there. */
function scheduledBackups({ everySecs, keep, to }: BackupConfig, { path: dataDir }: DataDir, log: Log): BackupHandle {
  const script = new URL("backup-worker.js", import.meta.url);
  return new BackupHandle(script, { dataDir, everyMs: 1000 * everySecs, keep, to }, (level, message, facts) =>
    log[level](facts, message),
  );
}

function openEngine(
  config: Config,
  limits: FrontLimits,
  {
    log,
    monitoring,
    development,
    threads,
    backups,
    onFatal,
  }: {
    log: Log;
    monitoring: Monitoring | undefined;
    development: Development | undefined;
    threads: ExecutorThreads | undefined;
    backups: () => BackupHealth | undefined;
    onFatal(error: EngineError): void;
  },
): Promise<Engine> {
  const { genesis, id: chainId } = config.chain;
  const { enhanced } = config;
  return Engine.open({
    dataDir: config.storage.kind !== "memory" ? config.dataDir : undefined,
    mode: config.mode,
    parameters: { ...DEFAULT_PARAMETERS, ...genesis?.parameters, chainId },
    named: {
      parameters: { ...genesis?.parameters, ...(config.chain.isIdNamed ? { chainId } : {}) },
      balances: genesis?.balances ?? [],
    },
    balances: genesis?.balances ?? development?.balances ?? [],
    postgres: postgresStorage(config),
    backups,
    redis: config.redis && { options: config.redis, slowMs: config.monitoring.slowQueryMs },
    segmentBytes: config.journal.segmentBytes,
    backlogMaxBytes: config.journal.backlogMaxBytes,
    retention: config.retention,
    history: { kept: config.retention.history, archive: config.journal.archive },
    modulesBytesMax: config.wasm.modulesMaxBytes,
    queries: config.queries,
    limits: { ...limits, queryGasMax: String(limits.queryGasMax) },
    executionTimeoutMs: enhanced.maxExecutionTimeMs,
    parallelThreads: enhanced.parallelThreads,
    analytics: enhanced.enableAnalytics,
    optimize: enhanced.enableOptimization,
    telemetry: development?.watching(monitoring?.telemetry) ?? monitoring?.telemetry,
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
    executorThreads: threads,
    now: development?.now ?? Date.now,
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
  const { tables: hasTables, leaseMs, commitTimeoutMs, readReplicas, ...options } = postgres;
  const { slowQueryMs: slowMs } = config.monitoring;
  const strict = durability === "strict" ? { leaseMs, commitTimeoutMs } : {};
  return { options, durability, address: addressOf(config), ...strict, readReplicas, hasTables, slowMs };
}

/** What another daemon tells clients to go to. */
function addressOf({ http, ipc }: Config): string {
  if (http === undefined) return ipc.path;
  if (http.advertise !== undefined) return http.advertise;
  const host = http.host.includes(":") ? `[${http.host}]` : http.host;
  return `${http.tlsCertFile === undefined ? "http" : "https"}://${host}:${http.port}`;
}

async function openHttp(config: Config, rpc: JsonRpc, metrics: MetricsEndpoint | undefined): Promise<HttpServer> {
  const { host, port, tlsCertFile, tlsKeyFile, tokensFile, admin } = config.http!;
  return await HttpServer.open(
    {
      host,
      port,
      dev: config.dev,
      admin,
      tokens: loadTokens(tokensFile),
      tlsCertFile,
      tlsKeyFile,
      metrics,
      // Beside the bundle that this is part of.
      console: new ConsoleFiles(fileURLToPath(new URL("./console/", import.meta.url))),
    },
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
  readonly #admin: AdminService;
  readonly #audit: AuditLog | undefined;
  readonly #samples: Record<string, string> | undefined;
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
    admin: AdminService,
    audit: AuditLog | undefined,
    samples: Record<string, string> | undefined,
  ) {
    this.#config = config;
    this.#log = log;
    this.#dataDir = dataDir;
    this.#engine = engine;
    this.#rpc = rpc;
    this.#servers = servers;
    this.#httpUrl = httpUrl;
    this.#stopping = stopping;
    this.#admin = admin;
    this.#audit = audit;
    this.#samples = samples;
    this.stopped = stopping.stopped;
    stopping.onFatal = () => void this.close();
    if (stopping.fatal !== undefined) void this.close();
  }

  describe(): DaemonDescription {
    const { chainId, height } = this.#engine.service.info() as { chainId: number; height: number };
    const { path: ipc, binaryPath: binaryIpc } = this.#config.ipc;
    return { ipc, binaryIpc, http: this.#httpUrl, chainId, height, samples: this.#samples };
  }

  /** A start and a stop are in the audit log too; that they can't be is no reason to be down. */
  noteStart(): void {
    const { storage, mode, dev, http } = this.#config;
    const { height } = this.describe();
    const facts = {
      version: VERSION,
      pid: process.pid,
      storage: storage.kind,
      durability: storage.durability,
      mode,
      dev,
    };
    void this.#note("daemon.start", { ...facts, httpAdmin: http?.admin === true, height });
  }

  #note(action: string, facts: Record<string, unknown>): Promise<unknown> | undefined {
    return this.#audit?.note({ actor: "daemon", action, facts }).catch((problem: unknown) => {
      const { code, message } = toEngineError(problem);
      this.#log.error({ action, code }, `not in the audit log: ${message}`);
    });
  }

  reload(): void {
    const action = { actor: "signal", action: "daemon.reload", facts: {} };
    const reload = async () => this.#admin.reload();
    (this.#audit === undefined ? reload() : this.#audit.around(action, reload)).then(
      (found) => this.#log.info({ ...found }, "read tokens and certificate again"),
      (problem: unknown) => {
        const { code, message } = toEngineError(problem);
        this.#log.error({ code }, `the tokens and the certificate stay as they were: ${message}`);
      },
    );
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { shutdownMs } = this.#config;
    this.#log.info({ shutdownMs }, "stopping");
    this.#rpc.stop();
    await Promise.all(this.#servers.map((server) => this.#tried("a server", () => server.close(shutdownMs))));
    await this.#tried("the engine", () => this.#engine.close());
    await this.#note("daemon.stop", { pid: process.pid, because: this.#stopping.fatal?.code ?? "asked to" });
    await this.#tried("the data directory", () => this.#dataDir?.close());
    this.#log.info({}, "stopped");
    this.#stopping.finish();
  }

  /** What does not close in order keeps nothing else open, and nobody waiting. */
  async #tried(name: string, close: () => unknown): Promise<void> {
    try {
      await close();
    } catch (problem) {
      this.#log.error({ err: problem }, `${name} did not close in order`);
    }
  }
}
