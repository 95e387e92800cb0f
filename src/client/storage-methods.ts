/** storage_*: what the storage is made of and how it does. Null stands for what is not there, or could not be asked. */

export interface BackendJson {
  name: "log" | "state" | "postgres" | "postgres-replica" | "redis";
  /** Where it is; of a server its address, without credentials. */
  where: string;
  /** As `/health` says. */
  status: string;
  /** Of one round trip, now; null for what lies in this process, and for what does not answer. */
  latencyMs: number | null;
  version: string | null;
  error: string | null;
}

export interface ConnectivityJson {
  postgresConnected: boolean | null;
  redisConnected: boolean | null;
  /** Writes go on while PostgreSQL is away: the journal has them. */
  fallbackAvailable: boolean;
  backends: BackendJson[];
}

export interface SlowQueryJson {
  /** Without its values. */
  statement: string;
  ms: number;
  atMs: number;
  failed: boolean;
}

/** How one server is used by this daemon, since it started. */
export interface ServerUseJson {
  connections: number;
  connectionsMax: number;
  queries: number;
  failed: number;
  /** Of all queries, together. */
  totalMs: number;
  avgMs: number | null;
  /** Log that is not there yet; null while it is not known. */
  appliedSeq: number | null;
  backlogEntries: number | null;
  backlogBytes: number | null;
  /** Of the last write. */
  flushMs: number | null;
  /** Queries past slowQueryMs, and the last 50 of them, newest first. */
  slowCount: number;
  slow: SlowQueryJson[];
}

export interface RedisUseJson extends ServerUseJson {
  link: string;
  valuesWritten: number;
  valuesRemoved: number;
  /** How often it was filled from the state store. */
  fills: number;
  /** Values compared with the state store, and times that one was not what this daemon wrote. */
  checked: number;
  mismatches: number;
}

export interface StorageStatsJson {
  postgresConnections: number | null;
  redisConnections: number | null;
  totalQueries: number;
  failedQueries: number;
  /** Of the cache of answers to contract queries; Redis' own hits are its readers': storage_info. */
  cacheHits: number;
  cacheMisses: number;
  slowQueryMs: number;
  postgres: ServerUseJson | null;
  redis: RedisUseJson | null;
  state: { appliedSeq: number | null; backlogBytes: number | null; flushMs: number | null };
  log: {
    durableSeq: number;
    /** Of all entries ever appended. */
    bytes: number;
    /** Of the oldest block that can be asked for. */
    lowestHeight: number;
    /** Since the daemon's start. */
    prunedSegments: number;
    prunedBytes: number;
    /** Why what retention.history no longer keeps is still there; null when nothing hinders. */
    notPruned: string | null;
  };
  blobs: BlobUseJson;
}

/** What privacy contracts have in the blob store. */
export interface BlobUseJson {
  /** Of keys, ciphertexts and results; uploads that are under way come on top. */
  bytes: number;
  bytesMax: number;
  keys: number;
  /** Ciphertexts and results. */
  values: number;
  uploads: number;
  uploadBytes: number;
  /** By this daemon, since it started; nothing refers to what went. */
  collected: { keys: number; values: number; uploads: number; atMs: number | null };
}

export interface StorageInfoJson {
  postgresSizeBytes: number | null;
  redisMemoryUsageBytes: number | null;
  /** Always 0: nothing falls back to memory. */
  memoryFallbackEntries: number;
  /** As of entry `asOfSeq` of the log; null with storage in memory. */
  totalContracts: number | null;
  totalStateEntries: number | null;
  asOfSeq: number | null;
  /** Null while analytics are off. */
  totalExecutions: number | null;
  logBytes: number;
  stateStoreBytes: number | null;
  postgres: {
    /** Who was asked: a read replica that is near enough, else the primary; and the entry of the log that its tables have. */
    where: string;
    tablesSeq: number | null;
    version: string;
    databaseBytes: number;
    connections: number;
    connectionsMax: number;
    tables: { name: string; bytes: number; rows: number }[];
  } | null;
  redis: {
    version: string;
    mode: string;
    memoryBytes: number;
    memoryMaxBytes: number;
    memoryPolicy: string;
    /** Of the whole server, whoever asked. */
    keyspaceHits: number;
    keyspaceMisses: number;
    evictedKeys: number;
    feedLength: number;
  } | null;
}

type NoParams = Record<string, never>;

export interface StorageMethods {
  storage_connectivity: { params: NoParams; result: ConnectivityJson };
  storage_stats: { params: NoParams; result: StorageStatsJson };
  storage_info: { params: NoParams; result: StorageInfoJson };
  storage_clearCache: { params: NoParams; result: { queryAnswers: number; redisCleared: boolean | null } };
}
