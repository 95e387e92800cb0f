/** The daemon's configuration, parsed once and frozen. Paths are absolute; units stand in the names. */
import type { Genesis } from "./genesis.ts";

export interface Config {
  readonly dataDir: string;
  readonly mode: "auto" | "driven";
  /** HTTP takes unsigned transactions from any sender. */
  readonly dev: boolean;
  /** How long a stop waits for what is in flight. */
  readonly shutdownMs: number;
  readonly chain: {
    readonly id: number;
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
  readonly ipc: {
    readonly path: string;
    readonly binaryPath: string;
    /** Permission bits of both sockets. */
    readonly mode: number;
    readonly group: string | undefined;
  };
  /** Undefined when HTTP is off. */
  readonly http: HttpConfig | undefined;
  readonly journal: { readonly segmentBytes: number; readonly backlogMaxBytes: number };
  readonly wasm: {
    /** Bound on the rewritten modules that are kept as files; 0: none are. */
    readonly modulesMaxBytes: number;
  };
  /** Of WebAssembly contracts. */
  readonly queries: { readonly threads: number; readonly timeoutMs: number; readonly waitingMax: number };
  readonly privacy: { readonly workers: number; readonly blobsMaxBytes: number; readonly jobsMax: number };
  readonly retention: { readonly undoBlocks: number; readonly undoMs: number; readonly undoMaxBytes: number };
  readonly limits: {
    readonly batchMax: number;
    readonly frameBytesMax: number;
    readonly httpBodyBytesMax: number;
    readonly inFlightMax: number;
    readonly inFlightBytesMax: number;
    readonly connectionsMax: number;
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
  };
  readonly log: { readonly level: LogLevel; readonly format: "auto" | "json" | "pretty" };
}

export interface PostgresConfig {
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
  readonly tables: boolean;
  readonly leaseMs: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

export interface HttpConfig {
  readonly host: string;
  /** 0: the system chooses one. */
  readonly port: number;
  readonly tlsCertFile: string | undefined;
  readonly tlsKeyFile: string | undefined;
  readonly tokensFile: string | undefined;
  /** Whether tokens of the role admin have its methods here. */
  readonly admin: boolean;
}

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
