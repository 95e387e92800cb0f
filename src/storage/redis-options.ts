/** How a Redis server is reached, what is kept there, and within which limits. Plain data: it is handed to worker threads. */

/** What a cached value is of: each class has a time to live of its own. */
export type CacheClass = "contract" | "state" | "account" | "code";

export const CACHE_CLASSES: readonly CacheClass[] = ["contract", "state", "account", "code"];

export interface RedisOptions {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Number of the logical database; a cluster has 0 alone. */
  readonly database: number;
  /** Undefined: not encrypted. The server's certificate is always checked, against the CA in this file or the system's. */
  readonly tls: { readonly caFile: string | undefined } | undefined;
  /** The server is a node of a Redis Cluster. The prefix must then have a hash tag. */
  readonly isCluster: boolean;
  /** What every key of ours begins with. */
  readonly keyPrefix: string;
  /**
   * Seconds for which a value is kept after it was last written; 0: as long as it is in the state. Classes with 0 are filled
   * from the state store, so that an absent key says: not in the state.
   */
  readonly ttlSecs: Readonly<Record<CacheClass, number>>;
  /** Entries that the change feed keeps, about; 0: there is no feed. */
  readonly feedLength: number;
  /** Log that it may be behind before it is filled from the state store instead of following. */
  readonly backlogMaxBytes: number;
  readonly connectTimeoutMs: number;
  /** A command without an answer by then is given up, and its connection closed. */
  readonly commandTimeoutMs: number;
}

/** For people: no password. */
export function describeRedis({ tls, username, host, port, database }: RedisOptions): string {
  const user = username === undefined ? "" : `${username}@`;
  return `${tls === undefined ? "redis" : "rediss"}://${user}${host.includes(":") ? `[${host}]` : host}:${port}/${database}`;
}
