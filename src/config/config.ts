/** The daemon's configuration, parsed once and frozen. Paths are absolute; units stand in the names. */
import type { Genesis } from "./genesis.ts";

export interface Config {
  readonly dataDir: string;
  readonly mode: "auto" | "driven";
  /** HTTP takes unsigned transactions from any sender. */
  readonly dev: boolean;
  /** With dev: an empty chain begins with sample contracts. */
  readonly devSamples: boolean;
  /** How long a stop waits for what is in flight. */
  readonly shutdownMs: number;
  readonly chain: {
    readonly id: number;
    /** Flag, file or genesis names the id: it is no default. */
    readonly isIdNamed: boolean;
    /** Undefined without a genesis file: the default chain parameters, and no balances. */
    readonly genesis: Genesis | undefined;
  };
  readonly storage: {
    readonly kind: "embedded" | "memory" | "postgres";
    /** What "durable" means: this disk's fdatasync, Postgres' commit, or nothing. */
    readonly durability: "journal" | "strict" | "memory";
    /** Where Postgres is: the daemon uses it with kind postgres alone, `db` always. */
    readonly postgres: PostgresConfig;
  };
  /** Undefined: no cache in Redis. */
  readonly redis: RedisConfig | undefined;
  readonly ipc: {
    readonly path: string;
    readonly binaryPath: string;
    /** Permission bits of both sockets. */
    readonly mode: number;
    readonly group: string | undefined;
  };
  /** Undefined when HTTP is off. */
  readonly http: HttpConfig | undefined;
  readonly journal: {
    readonly segmentBytes: number;
    readonly backlogMaxBytes: number;
    /** Where segments go that are pruned; undefined: they are deleted. */
    readonly archive: string | undefined;
  };
  /** Of administrative actions. */
  /** Undefined: the data directory is not encrypted. */
  readonly encryption: { readonly keyFile: string | undefined };
  readonly audit: { readonly maxBytes: number };
  readonly wasm: {
    /** Bound on the rewritten modules that are kept as files; 0: none are. */
    readonly modulesMaxBytes: number;
  };
  /** Of WebAssembly contracts. */
  readonly queries: { readonly threads: number; readonly timeoutMs: number; readonly waitingMax: number };
  readonly privacy: { readonly workers: number; readonly blobsMaxBytes: number; readonly jobsMax: number };
  readonly retention: {
    readonly undoBlocks: number;
    readonly undoMs: number;
    readonly undoMaxBytes: number;
    /** Of blocks, receipts and logs; undefined: everything. */
    readonly history: { readonly blocks: number } | { readonly ms: number } | undefined;
  };
  readonly limits: {
    readonly batchMax: number;
    readonly frameBytesMax: number;
    readonly httpBodyBytesMax: number;
    readonly inFlightMax: number;
    readonly inFlightBytesMax: number;
    readonly connectionsMax: number;
    readonly subscriberQueueBytesMax: number;
    readonly subscriptionsMax: number;
    readonly queryGasMax: number;
  };
  readonly enhanced: {
    readonly enableCaching: boolean;
    readonly cacheTtlSecs: number;
    readonly maxCacheEntries: number;
    readonly maxCacheBytes: number;
    readonly enableAnalytics: boolean;
    readonly enableOptimization: boolean;
    /** Of queries; a transaction's gas limit always holds. */
    readonly enforceGasLimits: boolean;
    /** Threads that run transactions beside the executor; 0: none. */
    readonly parallelThreads: number;
    /** One batch, or one round of queries, may run this long. */
    readonly maxExecutionTimeMs: number;
  };
  readonly monitoring: {
    readonly performance: boolean;
    readonly errors: boolean;
    readonly tracing: boolean;
    readonly intervalSecs: number;
    /** Of /metrics alone. */
    readonly listen: { readonly host: string; readonly port: number } | undefined;
    readonly otlpEndpoint: string | undefined;
    readonly traceOneIn: number;
    /** What takes PostgreSQL or Redis as long is kept in a list. */
    readonly slowQueryMs: number;
  };
  /** Undefined: no backups are scheduled. */
  readonly backup: BackupConfig | undefined;
  readonly log: { readonly level: LogLevel; readonly format: "auto" | "json" | "pretty" };
}

export interface BackupConfig {
  readonly everySecs: number;
  readonly keep: number;
  readonly to:
    | { readonly directory: string }
    | {
        readonly s3: {
          readonly endpoint: string;
          readonly region: string;
          readonly bucket: string;
          /** Without a slash at the end; may be empty. */
          readonly prefix: string;
          readonly accessKeyId: string;
          readonly secretAccessKey: string;
        };
      };
}

export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string | undefined;
  readonly schema: string;
  readonly tls: {
    readonly mode: "disable" | "require" | "verify-ca" | "verify-full";
    readonly caFile: string | undefined;
  };
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

export interface PostgresConfig extends PostgresServer {
  readonly tables: boolean;
  readonly leaseMs: number;
  readonly commitTimeoutMs: number;
  readonly readReplicas: { readonly servers: readonly PostgresServer[]; readonly entriesBehindMax: number };
}

export interface RedisConfig {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly tls: { readonly caFile: string | undefined } | undefined;
  readonly isCluster: boolean;
  readonly keyPrefix: string;
  /** By class of value; 0: kept. */
  readonly ttlSecs: Readonly<Record<"contract" | "state" | "account" | "code", number>>;
  readonly feedLength: number;
  readonly backlogMaxBytes: number;
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
}

export interface HttpConfig {
  readonly host: string;
  /** 0: the system chooses one. */
  readonly port: number;
  /** Where clients reach it, if not where it listens: a URL without a path. */
  readonly advertise: string | undefined;
  readonly tlsCertFile: string | undefined;
  readonly tlsKeyFile: string | undefined;
  readonly tokensFile: string | undefined;
  /** Whether tokens of the role admin have its methods here. */
  readonly admin: boolean;
}

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
