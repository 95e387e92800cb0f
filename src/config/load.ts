/**
 * File < environment < flags, parsed once into one frozen Config. Every problem is found before any is reported.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { backupConfig } from "./backup.ts";
import type { Config, HttpConfig } from "./config.ts";
import { type Genesis, readGenesis } from "./genesis.ts";
import { parseValue, resolvedPath } from "./parse-value.ts";
import { postgresConfig } from "./postgres.ts";
import { type ConfigProblem, ConfigurationError } from "./problem.ts";
import { parseHistory } from "./quantity.ts";
import { redisConfig } from "./redis.ts";
import { isPostgresUrl, readSeedVariables } from "./seed-keys.ts";
import type { Setting } from "./setting.ts";
import { SETTING_KEYS, SETTINGS, type SettingKey, type SettingValue } from "./settings.ts";
import { type RawValue, readConfigFile, readEnvironment, readFlags } from "./sources.ts";

/** Read from the working directory when no file is named. */
export const DEFAULT_CONFIG_FILE = "polytorus.toml";
/** The length of sun_path on Linux, less the closing zero. */
const SOCKET_PATH_BYTES_MAX = 107;

export interface ConfigInput {
  /** Path of the TOML file; left out: polytorus.toml where it exists. */
  readonly file?: string | undefined;
  readonly flags?: Partial<Record<SettingKey, unknown>>;
  readonly environment: NodeJS.ProcessEnv;
  readonly cwd: string;
}

export interface EffectiveSetting {
  readonly key: SettingKey;
  readonly value: unknown;
  /** "default", a file, a variable or a flag. */
  readonly origin: string;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly settings: readonly EffectiveSetting[];
}

/** @throws ConfigurationError (CONFIGURATION_ERROR, exit code 78) naming every problem. */
export function loadConfig(input: ConfigInput): LoadedConfig {
  const collected = collect(input);
  const problems = [...collected.problems];
  const settings = new Map<SettingKey, EffectiveSetting>();
  for (const key of SETTING_KEYS) {
    const { fallback, form }: Setting = SETTINGS[key];
    settings.set(key, {
      key,
      value: form === "path" && typeof fallback === "string" ? resolvedPath(fallback, input.cwd) : fallback,
      origin: "default",
    });
  }
  for (const { key, value, origin, base } of collected.values) {
    const parsed = parseValue(key, value, base);
    if ("problem" in parsed) problems.push({ key, origin, message: parsed.problem });
    else settings.set(key, { key, value: parsed.value, origin });
  }
  if (settings.get("storage.kind")!.origin === "default") {
    const origin = postgresOrigin(settings);
    if (origin !== undefined) settings.set("storage.kind", { key: "storage.kind", value: "postgres", origin });
  }
  const config = assemble(settings, problems);
  if (problems.length > 0) throw new ConfigurationError(problems);
  return { config: deepFreeze(config), settings: [...settings.values()] };
}

/** Keys that say which server: naming one of them selects it, unless the storage is chosen by name. */
const SELECTING_KEYS = [
  "storage.postgres.url",
  "storage.postgres.url_file",
  "storage.postgres.host",
  "storage.postgres.database",
] as const satisfies readonly SettingKey[];

function postgresOrigin(settings: ReadonlyMap<SettingKey, EffectiveSetting>): string | undefined {
  return SELECTING_KEYS.map((key) => settings.get(key)!.origin).find((origin) => origin !== "default");
}

function collect(input: ConfigInput): { values: RawValue[]; problems: ConfigProblem[] } {
  const named = input.file ?? input.environment["POLYTORUS_CONFIG"];
  const path = resolve(input.cwd, named ?? DEFAULT_CONFIG_FILE);
  const sources = [
    ...(named !== undefined || existsSync(path) ? [readConfigFile(path)] : []),
    {
      values: readSeedVariables(input.environment).map((value) => ({ ...value, base: input.cwd })),
      problems: [],
    },
    readEnvironment(input.environment, input.cwd),
    readFlags(input.flags ?? {}, input.cwd),
  ];
  const values = sources.flatMap((source) => source.values).flatMap(withStorageUrl);
  return { values, problems: sources.flatMap((source) => source.problems) };
}

/** `storage.kind = "postgres://…"` names both the kind and the server. */
function withStorageUrl(raw: RawValue): RawValue[] {
  if (raw.key !== "storage.kind" || !isPostgresUrl(raw.value)) return [raw];
  return [
    { ...raw, value: "postgres" },
    { ...raw, key: "storage.postgres.url" },
  ];
}

function assemble(settings: ReadonlyMap<SettingKey, EffectiveSetting>, problems: ConfigProblem[]): Config {
  const get = <K extends SettingKey>(key: K): SettingValue<K> => settings.get(key)!.value as SettingValue<K>;
  const report = (key: SettingKey, message: string): void =>
    void problems.push({ key, origin: settings.get(key)!.origin, message });
  const dataDir = get("data_dir");
  const kind = get("storage.kind");
  const genesis = loadGenesis(get("chain.genesis"), problems);
  const isIdChosen = settings.get("chain.id")!.origin !== "default";
  if (genesis?.chainId !== undefined && isIdChosen && genesis.chainId !== get("chain.id")) {
    report("chain.id", `is ${get("chain.id")}, but the genesis file says ${genesis.chainId}`);
  }
  const durability = get("storage.durability");
  if (durability === "strict" && kind !== "postgres")
    report(
      "storage.durability",
      `"strict" is Postgres' commit, and storage.kind is ${kind}: say --storage postgres://…`,
    );
  if (!get("storage.postgres.tables") && durability !== "strict")
    report("storage.postgres.tables", 'is false: with durability "journal" the tables are all that Postgres is for');
  const redis = redisConfig(get, report);
  if (redis !== undefined && kind === "memory")
    report(
      get("redis.url") === undefined ? "redis.host" : "redis.url",
      "names a cache, which follows a log on disk, and storage.kind is memory: choose another, or set redis.enabled = false",
    );
  return {
    dataDir,
    mode: get("mode"),
    dev: get("dev"),
    devSamples: get("dev_samples"),
    shutdownMs: get("shutdown_ms"),
    chain: {
      id: genesis?.chainId ?? get("chain.id"),
      isIdNamed: isIdChosen || genesis?.chainId !== undefined,
      genesis,
    },
    storage: {
      kind,
      durability: kind === "memory" ? "memory" : durability,
      // Under another kind a DATABASE_URL may be another program's: what is wrong with it is not ours to say.
      postgres: postgresConfig(get, kind === "postgres" ? report : () => undefined),
    },
    redis,
    ipc: {
      path: socketPath("ipc.path", get("ipc.path") ?? join(dataDir, "engine.ipc"), dataDir, report),
      binaryPath: socketPath(
        "ipc.binary_path",
        get("ipc.binary_path") ?? join(dataDir, "engine.bin.ipc"),
        dataDir,
        report,
      ),
      mode: get("ipc.mode"),
      group: get("ipc.group"),
    },
    http: httpConfig(get, report),
    journal: {
      segmentBytes: get("journal.segment_bytes"),
      backlogMaxBytes: get("journal.backlog_max_bytes"),
      archive: get("journal.archive") === "off" ? undefined : get("journal.archive"),
    },
    privacy: {
      workers: get("privacy.workers"),
      blobsMaxBytes: get("privacy.blobs_max_bytes"),
      jobsMax: get("privacy.jobs_max"),
    },
    encryption: { keyFile: get("encryption.key_file") },
    audit: { maxBytes: get("audit.max_bytes") },
    wasm: { modulesMaxBytes: get("wasm.modules_max_bytes") },
    queries: {
      threads: get("queries.threads"),
      timeoutMs: get("queries.timeout_ms"),
      waitingMax: get("queries.waiting_max"),
    },
    retention: {
      undoBlocks: get("retention.undo_blocks"),
      undoMs: get("retention.undo_ms"),
      undoMaxBytes: get("retention.undo_max_bytes"),
      history: historyKept(get("retention.history")),
    },
    limits: {
      batchMax: get("limits.batch_max"),
      frameBytesMax: get("limits.frame_max_bytes"),
      httpBodyBytesMax: get("limits.http_body_max_bytes"),
      inFlightMax: get("limits.in_flight_max"),
      inFlightBytesMax: get("limits.in_flight_max_bytes"),
      connectionsMax: get("limits.connections_max"),
      subscriberQueueBytesMax: get("limits.subscriber_queue_max_bytes"),
      subscriptionsMax: get("limits.subscriptions_max"),
      queryGasMax: get("limits.query_gas_max"),
    },
    enhanced: {
      enableCaching: get("enhanced.enable_caching"),
      cacheTtlSecs: get("enhanced.cache_ttl_secs"),
      maxCacheEntries: get("enhanced.max_cache_entries"),
      maxCacheBytes: get("enhanced.max_cache_bytes"),
      enableAnalytics: get("enhanced.enable_analytics"),
      enableOptimization: get("enhanced.enable_optimization"),
      enforceGasLimits: get("enhanced.enforce_gas_limits"),
      parallelThreads: get("enhanced.enable_parallel_execution") ? get("enhanced.parallel_threads") : 0,
      maxExecutionTimeMs: get("enhanced.max_execution_time_ms"),
    },
    monitoring: monitoringConfig(get, report),
    backup: backupConfig(get, report),
    log: { level: get("log.level"), format: get("log.format") },
  };
}

function historyKept(text: string): Config["retention"]["history"] {
  const kept = parseHistory(text);
  return kept === "everything" ? undefined : kept;
}

type Get = <K extends SettingKey>(key: K) => SettingValue<K>;
type Report = (key: SettingKey, message: string) => void;

function loadGenesis(path: string | undefined, problems: ConfigProblem[]): Genesis | undefined {
  if (path === undefined) return undefined;
  try {
    return readGenesis(path);
  } catch (problem) {
    if (!(problem instanceof ConfigurationError)) throw problem;
    problems.push(...problem.problems);
    return undefined;
  }
}

function socketPath(key: SettingKey, path: string, dataDir: string, report: Report): string {
  const length = Buffer.byteLength(path);
  if (length > SOCKET_PATH_BYTES_MAX) {
    const name = key === "ipc.path" ? "engine.ipc" : "engine.bin.ipc";
    const shorter = join(tmpdir(), `polytorus-${createHash("sha256").update(dataDir).digest("hex").slice(0, 8)}`, name);
    report(
      key,
      `is ${length} bytes long, a socket's path at most ${SOCKET_PATH_BYTES_MAX}: ${path}. Use for instance ${shorter}`,
    );
  }
  return path;
}

function monitoringConfig(get: Get, report: Report): Config["monitoring"] {
  const endpoint = get("monitoring.otlp_endpoint");
  if (endpoint !== undefined && !/^https?:$/.test(URL.canParse(endpoint) ? new URL(endpoint).protocol : ""))
    report("monitoring.otlp_endpoint", `expected an http or https URL, received ${JSON.stringify(endpoint)}`);
  if (get("monitoring.tracing") && endpoint === undefined)
    report("monitoring.tracing", "needs monitoring.otlp_endpoint: somewhere for the traces to go");
  const listen = get("monitoring.listen");
  return {
    performance: get("monitoring.performance"),
    errors: get("monitoring.errors"),
    tracing: get("monitoring.tracing"),
    intervalSecs: get("monitoring.interval_secs"),
    listen: listen === undefined ? undefined : hostAndPort("monitoring.listen", listen, report),
    otlpEndpoint: endpoint,
    traceOneIn: get("monitoring.trace_one_in"),
    slowQueryMs: get("monitoring.slow_query_ms"),
  };
}

function hostAndPort(key: SettingKey, listen: string, report: Report): { host: string; port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(listen);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    report(key, `expected host:port, [v6]:port or "off", received ${JSON.stringify(listen)}`);
  return { host: match?.[1] ?? match?.[2] ?? "", port };
}

function httpConfig(get: Get, report: Report): HttpConfig | undefined {
  const listen = get("http.listen");
  if (listen === "off") return undefined;
  const { host, port } = hostAndPort("http.listen", listen, report);
  const tlsCertFile = get("http.tls_cert_file");
  const tlsKeyFile = get("http.tls_key_file");
  if ((tlsCertFile === undefined) !== (tlsKeyFile === undefined)) {
    report(
      tlsCertFile === undefined ? "http.tls_key_file" : "http.tls_cert_file",
      "needs the other: tls_cert_file and tls_key_file go together",
    );
  }
  const advertise = get("http.advertise");
  if (advertise !== undefined && !/^https?:\/\/[^/?#]+$/.test(advertise))
    report("http.advertise", `expected http(s)://host:port, received ${JSON.stringify(advertise)}`);
  const tokensFile = get("http.tokens_file");
  return { host, port, advertise, tlsCertFile, tlsKeyFile, tokensFile, admin: get("http.admin") };
}

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    if (typeof member === "object" && member !== null && !ArrayBuffer.isView(member)) deepFreeze(member);
  }
  return Object.freeze(value);
}
