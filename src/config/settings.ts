/**
 * Every setting of the daemon: key, form, default and meaning. Configuration files, environment, flags, `config init`
 * and `config show` all come from this table; a key that is not here is refused.
 *   "journal.segment_bytes"  ◀── [journal] segment_bytes in the file, POLYTORUS_JOURNAL__SEGMENT_BYTES in the environment
 * What can change a receipt is no setting: it is fixed at genesis (genesis.ts).
 */
import { availableParallelism } from "node:os";
import { LOG_SETTINGS } from "./log-settings.ts";
import { POSTGRES_SETTINGS } from "./postgres-settings.ts";
import { REDIS_SETTINGS } from "./redis-settings.ts";
import { flag, GIB, KIB, MIB, named, number, oneOf, optional, SAFE_MAX, type Setting } from "./setting.ts";

export const SETTINGS = {
  data_dir: named("path", "./data", "Everything that the daemon keeps. One daemon at a time.", { flag: "--data-dir" }),
  mode: oneOf(["auto", "driven"], "auto", "auto: transactions become blocks here. driven: a node brings the blocks.", {
    flag: "--mode",
  }),
  dev: flag(
    false,
    "For development: HTTP takes unsigned transactions from any sender, dev_* methods are there, a new chain has funded accounts.",
    { flag: "--dev" },
  ),
  dev_samples: flag(true, "With dev: an empty chain begins with a sample token and a counter."),
  shutdown_ms: number(
    "wholeNumber",
    10_000,
    { minimum: 0, maximum: 600_000 },
    "How long a stop waits for requests in flight.",
  ),

  "chain.id": number(
    "wholeNumber",
    1337,
    { minimum: 1, maximum: SAFE_MAX },
    "Chain id; part of every transaction hash, fixed once there is a chain.",
    { flag: "--chain-id" },
  ),
  "chain.genesis": optional(
    "path",
    "JSON file with chain parameters and native balances; read when the chain is created.",
    { flag: "--genesis" },
  ),

  "storage.kind": oneOf(
    ["embedded", "memory", "postgres"],
    "embedded",
    "embedded: journal and LMDB in data_dir. memory: gone when the daemon stops. postgres: and PostgreSQL; a URL here names it.",
    { flag: "--storage" },
  ),
  "storage.durability": oneOf(
    ["journal", "strict"],
    "journal",
    "journal: acknowledged means synced to this disk; Postgres follows. strict: committed by Postgres. Not for memory.",
    { flag: "--durability" },
  ),

  ...POSTGRES_SETTINGS,

  ...REDIS_SETTINGS,

  "ipc.path": optional("path", "Unix socket for JSON-RPC; left out: engine.ipc in data_dir.", {
    flag: "--ipc",
  }),
  "ipc.binary_path": optional("path", "Unix socket for binary frames; left out: engine.bin.ipc in data_dir."),
  "ipc.mode": number(
    "fileMode",
    0o600,
    { minimum: 0o600, maximum: 0o777 },
    "Permission of both sockets: who may open them is trusted.",
  ),
  "ipc.group": optional("text", "Group that both sockets are given to; with ipc.mode 0660 its members are trusted.", {
    flag: "--ipc-group",
  }),

  "http.listen": named("text", "127.0.0.1:8645", 'host:port, or "off".', { flag: "--http" }),
  "http.advertise": optional(
    "text",
    "URL at which clients reach this daemon: what replicas answer with NOT_LEADER. Left out: http.listen.",
  ),
  "http.tls_cert_file": optional("path", "PEM certificate chain; with tls_key_file the listener speaks TLS."),
  "http.tls_key_file": optional("path", "PEM private key."),
  "http.tokens_file": optional("path", "Bearer tokens and their roles."),
  "http.admin": flag(false, "Tokens of the role admin may use its methods (admin_*, block_*) over HTTP."),

  ...LOG_SETTINGS,

  "encryption.key_file": optional(
    "path",
    "File with the key that data_dir is encrypted under: 32 random bytes as hex or base64, mode 0600. For a new data_dir.",
  ),

  "audit.max_bytes": number(
    "bytes",
    256 * MIB,
    { minimum: 16 * MIB, maximum: SAFE_MAX },
    "Bound on the log of administrative actions in data_dir/audit; past it the oldest file goes, and the log says so.",
  ),

  "wasm.modules_max_bytes": number(
    "bytes",
    GIB,
    { minimum: 0, maximum: SAFE_MAX },
    "Rewritten WebAssembly modules kept in data_dir, so that a restart need not rewrite them; 0 keeps none.",
  ),

  "queries.threads": number(
    "wholeNumber",
    Math.max(1, availableParallelism() - 1),
    { minimum: 0, maximum: 256 },
    "Threads for queries of WebAssembly contracts, started by the first one; 0: they run between blocks. Default: processors - 1.",
  ),
  "queries.timeout_ms": number(
    "wholeNumber",
    1_000,
    { minimum: 10, maximum: 60_000 },
    "One such query may run this long; it is then stopped with EXECUTION_TIMEOUT.",
  ),
  "queries.waiting_max": number(
    "wholeNumber",
    4_096,
    { minimum: 1, maximum: 1_048_576 },
    "Such queries that may wait for a thread; past it they get BUSY.",
  ),
  "privacy.workers": number("wholeNumber", 2, { minimum: 1, maximum: 64 }, "Threads that evaluate encrypted circuits."),
  "privacy.blobs_max_bytes": number(
    "bytes",
    16 * GIB,
    { minimum: MIB, maximum: SAFE_MAX },
    "Bound on evaluation keys, ciphertexts and results; past it uploads get BUSY.",
  ),
  "privacy.jobs_max": number(
    "wholeNumber",
    100_000,
    { minimum: 1, maximum: 10_000_000 },
    "Evaluations that may wait; past it calls that order more get BUSY.",
  ),

  "limits.in_flight_max": number(
    "wholeNumber",
    256,
    { minimum: 1, maximum: 65_536 },
    "Requests of one connection that may be unanswered; more are read when one is answered.",
  ),
  "limits.in_flight_max_bytes": number(
    "bytes",
    64 * MIB,
    { minimum: MIB, maximum: 4 * GIB },
    "Bytes of such requests.",
  ),
  "limits.batch_max": number(
    "wholeNumber",
    1_000,
    { minimum: 1, maximum: 100_000 },
    "Transactions of one tx_submitBatch, and requests of one JSON-RPC batch.",
  ),
  "limits.frame_max_bytes": number(
    "bytes",
    32 * MIB,
    { minimum: 64 * KIB, maximum: 256 * MIB },
    "One line or binary frame on the sockets.",
  ),
  "limits.http_body_max_bytes": number(
    "bytes",
    4 * MIB,
    { minimum: 64 * KIB, maximum: 256 * MIB },
    "One HTTP request body.",
  ),
  "limits.query_gas_max": number(
    "wholeNumber",
    10_000_000_000,
    { minimum: 21_000, maximum: SAFE_MAX },
    "Gas of one query or estimation.",
  ),
  "limits.subscriber_queue_max_bytes": number(
    "bytes",
    MIB / 2,
    { minimum: 64 * KIB, maximum: 64 * MIB },
    "Events that one subscriber may leave unread; one that takes none for 10 seconds is dropped.",
  ),
  "limits.subscriptions_max": number(
    "wholeNumber",
    4_096,
    { minimum: 1, maximum: 65_536 },
    "Subscriptions at a time, over all connections; 64 of one connection.",
  ),
  "limits.connections_max": number(
    "wholeNumber",
    1_024,
    { minimum: 1, maximum: 65_536 },
    "Connections at a time, of each listener. HTTP takes as many again, to tell them that there is no room.",
  ),

  "enhanced.enable_caching": flag(
    true,
    "Answers of queries are kept until something that they read is written. A cached answer is never stale.",
  ),
  "enhanced.cache_ttl_secs": number(
    "wholeNumber",
    300,
    { minimum: 1, maximum: 31_536_000 },
    "Age at which a cached answer is dropped, though nothing that it read was written.",
  ),
  "enhanced.max_cache_entries": number(
    "wholeNumber",
    1_000,
    { minimum: 1, maximum: 10_000_000 },
    "Answers kept; the least recently used goes first.",
  ),
  "enhanced.max_cache_bytes": number(
    "bytes",
    64 * MIB,
    { minimum: 64 * KIB, maximum: 64 * GIB },
    "Bytes of answers kept.",
  ),
  "enhanced.enable_analytics": flag(
    true,
    "Executions are counted by contract, entrypoint and caller, and timed; kept in data_dir over restarts.",
  ),
  "enhanced.enable_optimization": flag(
    true,
    "Applies what is safe: answers hardly ever asked for again are not kept, the contracts executed most are loaded at start. metrics_performance says what it does.",
  ),
  "enhanced.enforce_gas_limits": flag(
    true,
    "false: a query gets limits.query_gas_max, whatever gas limit it states. A transaction's limit always holds: it is part of its receipt.",
  ),
  "enhanced.enable_parallel_execution": flag(
    false,
    "Calls of different WebAssembly contracts in a block run beside each other; receipts and state are those of running them in order.",
  ),
  "enhanced.parallel_threads": number(
    "wholeNumber",
    Math.min(8, Math.max(1, availableParallelism() - 1)),
    { minimum: 1, maximum: 64 },
    "Threads beside the executor for that, started by the first block worth it. Default: processors - 1, 8 at most.",
  ),
  "enhanced.max_execution_time_ms": number(
    "wholeNumber",
    30_000,
    { minimum: 100, maximum: 3_600_000 },
    "What runs longer, one batch or one round of queries, is stopped: EXECUTION_TIMEOUT, and the executor starts again.",
  ),

  "monitoring.performance": flag(true, "Requests, blocks and the process are measured: GET /metrics."),
  "monitoring.errors": flag(true, "Errors are counted by method and code."),
  "monitoring.tracing": flag(false, "One request in trace_one_in, and those whose caller asks for it, is traced."),
  "monitoring.interval_secs": number(
    "wholeNumber",
    60,
    { minimum: 1, maximum: 86_400 },
    "How often the log says what happened since the last time, if anything did.",
  ),
  "monitoring.listen": optional("text", "host:port of a listener with /metrics alone; it is then not on http.listen."),
  "monitoring.otlp_endpoint": optional(
    "text",
    'Where traces go: OTLP over HTTP with JSON, such as "http://127.0.0.1:4318/v1/traces".',
  ),
  "monitoring.trace_one_in": number(
    "wholeNumber",
    100,
    { minimum: 0, maximum: 1_000_000 },
    "0: only requests whose caller's traceparent asks for it.",
  ),
  "monitoring.slow_query_ms": number(
    "wholeNumber",
    250,
    { minimum: 1, maximum: 600_000 },
    "What takes PostgreSQL or Redis as long is counted and listed as slow (storage_stats).",
  ),

  "backup.every_secs": number(
    "wholeNumber",
    0,
    { minimum: 0, maximum: 31_536_000 },
    "A backup is taken this often, while blocks come. 0: none are.",
  ),
  "backup.keep": number(
    "wholeNumber",
    7,
    { minimum: 1, maximum: 100_000 },
    "Newest scheduled backups of this chain that stay; older ones are removed.",
  ),
  "backup.directory": optional("path", "Directory that scheduled backups go to: this, or s3_url."),
  "backup.s3_url": optional("text", "s3://bucket/prefix that scheduled backups go to."),
  "backup.s3_endpoint": optional(
    "text",
    "URL of the bucket's server, for others than Amazon (default https://s3.REGION.amazonaws.com).",
  ),
  "backup.s3_region": named("text", "us-east-1", "Region of the bucket."),
  "backup.s3_access_key_id": optional("text", "Whose requests to the bucket are."),
  "backup.s3_secret_access_key": optional("text", "What they are signed with; better in s3_secret_access_key_file.", {
    isSecret: true,
  }),
  "backup.s3_secret_access_key_file": optional("path", "File that holds the secret access key."),

  "log.level": oneOf(
    ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    "info",
    "The least severe lines that are written.",
  ),
  "log.format": oneOf(["auto", "json", "pretty"], "auto", "auto: pretty on a terminal, JSON lines otherwise."),
} as const satisfies Record<string, Setting>;

export type SettingKey = keyof typeof SETTINGS;
export type SettingValue<K extends SettingKey> = (typeof SETTINGS)[K]["fallback"];

export const SETTING_KEYS = Object.keys(SETTINGS) as SettingKey[];

export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(SETTINGS, key);
}

/** `journal.segment_bytes` → `POLYTORUS_JOURNAL__SEGMENT_BYTES`. */
export function environmentName(key: SettingKey): string {
  return `POLYTORUS_${key.replaceAll(".", "__").toUpperCase()}`;
}
