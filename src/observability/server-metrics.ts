/** Metrics of PostgreSQL and Redis as this daemon uses them; without them there are no samples. */
import type { ServerUseJson, StorageStatsJson } from "../client/storage-methods.ts";
import type { Instruments, Sample } from "./instruments.ts";

export function addServerMetrics(add: Instruments, storage: () => StorageStatsJson | undefined): void {
  const each = (read: (use: ServerUseJson) => number | null) => () => {
    const { postgres = null, redis = null } = storage() ?? {};
    return Object.entries({ postgres, redis }).flatMap(([server, use]): Sample[] => {
      const value = use === null ? null : read(use);
      return value === null ? [] : [{ labels: { server }, value }];
    });
  };
  const seconds = (ms: number | null) => (ms === null ? null : ms / 1000);

  add.gauge(
    "contract_server_connections",
    "Connections to the server.",
    each(({ connections }) => connections),
  );
  add.gauge(
    "contract_server_connections_max",
    "Connections that there may be.",
    each(({ connectionsMax }) => connectionsMax),
  );
  add.counter(
    "contract_server_queries_total",
    "Queries and commands.",
    each(({ queries }) => queries),
  );
  add.counter(
    "contract_server_query_failures_total",
    "Of them, those that failed.",
    each(({ failed }) => failed),
  );
  add.counter(
    "contract_server_slow_queries_total",
    "Of them, those past monitoring.slow_query_ms.",
    each(({ slowCount }) => slowCount),
  );
  add.counter(
    "contract_server_query_seconds_total",
    "How long they took, together.",
    each(({ totalMs }) => seconds(totalMs)),
  );
  add.gauge(
    "contract_server_seq",
    "The last entry of the log that the server has.",
    each(({ appliedSeq }) => appliedSeq),
  );
  add.gauge(
    "contract_server_backlog_bytes",
    "Log that the server does not have yet.",
    each(({ backlogBytes }) => backlogBytes),
  );
  add.gauge(
    "contract_server_flush_seconds",
    "How long the last write took.",
    each(({ flushMs }) => seconds(flushMs)),
  );

  const cache = () => storage()?.redis ?? undefined;
  add.counter("contract_redis_values_total", "Values of the cache in Redis, written and removed.", () => {
    const { valuesWritten: written, valuesRemoved: removed } = cache() ?? {};
    return Object.entries({ written, removed }).flatMap(([operation, value]) =>
      value === undefined ? [] : [{ labels: { operation }, value }],
    );
  });
  add.counter("contract_redis_fills_total", "Times that it was filled from the state store.", () => cache()?.fills);
  add.counter(
    "contract_redis_mismatches_total",
    "Times that it held what this daemon had not written.",
    () => cache()?.mismatches,
  );
}
