/** Metrics of the engine, from what it says of itself when someone looks. */
import type { ExecutionsJson, PerformanceJson } from "../client/metrics.ts";
import type { StorageStatsJson } from "../client/storage-methods.ts";
import type { Instruments, Sample } from "./instruments.ts";
import { addServerMetrics } from "./server-metrics.ts";

export interface EngineFigures {
  health: {
    status: string;
    backends: Record<string, { status: string; [fact: string]: unknown }>;
  };
  height: number;
  storage: StorageStatsJson | undefined;
  streams: { subscriptions: number; subscriptionsMax: number; dropped: ReadonlyMap<string, number> };
  /** Undefined: it did not answer in time. */
  performance: PerformanceJson | undefined;
}

const QUERY_OUTCOMES = ["answered", "overran", "failed", "refused"];
const STATUSES = ["ready", "degraded", "starting", "stopping", "replica"];

export function addEngineMetrics(add: Instruments, figures: () => EngineFigures | undefined): void {
  const fact = (backend: string, name: string) => {
    const value = figures()?.health.backends[backend]?.[name];
    return typeof value === "number" ? value : undefined;
  };
  const cache = () => figures()?.performance?.cache;
  const total = () => figures()?.performance?.executions?.total;

  add.gauge("contract_block_height", "Height of the last durable block.", () => figures()?.height);
  add.gauge("contract_engine_status", "1 for the status that the engine has.", () =>
    STATUSES.map((status) => ({ labels: { status }, value: figures()?.health.status === status ? 1 : 0 })),
  );
  add.gauge("contract_backend_up", "1 for a backend whose status is ok.", () =>
    Object.entries(figures()?.health.backends ?? {}).map(([backend, { status }]) => ({
      labels: { backend },
      value: status === "ok" ? 1 : 0,
    })),
  );
  add.gauge("contract_log_seq", "The last durable entry of the log.", () => fact("log", "durableSeq"));
  add.gauge("contract_log_bytes", "Bytes of the log.", () => fact("log", "bytes"));
  add.gauge("contract_log_lowest_height", "Height of the oldest block that the log has.", () =>
    fact("log", "lowestHeight"),
  );
  add.counter(
    "contract_log_pruned_bytes_total",
    "Bytes of segments that were pruned.",
    () => figures()?.storage?.log.prunedBytes,
  );
  add.gauge("contract_follower_seq", "The last entry of the log that the state store has.", () =>
    fact("state", "appliedSeq"),
  );
  add.gauge("contract_follower_backlog_bytes", "Log that the state store does not have yet.", () =>
    fact("state", "backlogBytes"),
  );
  add.gauge("contract_follower_flush_seconds", "How long the state store's last write took.", () => {
    const ms = fact("state", "flushMs");
    return ms === undefined ? undefined : ms / 1000;
  });

  add.gauge("contract_state_table_bytes", "Memory of the rows that execution has touched.", () =>
    fact("executor", "tableBytes"),
  );
  add.gauge("contract_state_tree_bytes", "Memory of the state tree.", () => fact("executor", "treeBytes"));

  add.gauge("contract_query_threads", "Threads that run queries of WebAssembly contracts.", () =>
    fact("queries", "threads"),
  );
  add.gauge("contract_query_threads_max", "As many as there may be.", () => fact("queries", "threadsMax"));
  add.gauge("contract_query_waiting", "Queries that wait for one.", () => fact("queries", "waiting"));
  add.gauge("contract_query_waiting_max", "As many as may wait.", () => fact("queries", "waitingMax"));
  add.counter("contract_query_thread_queries_total", "Queries that came to these threads, by how they ended.", () =>
    QUERY_OUTCOMES.flatMap((outcome) => {
      const value = fact("queries", outcome);
      return value === undefined ? [] : [{ labels: { outcome }, value }];
    }),
  );

  add.gauge("contract_event_subscriptions", "Open streams of events.", () => figures()?.streams.subscriptions);
  add.gauge("contract_event_subscriptions_max", "As many as there may be.", () => figures()?.streams.subscriptionsMax);
  add.counter("contract_event_drops_total", "Streams that the daemon ended, by why.", () =>
    [...(figures()?.streams.dropped ?? [])].map(([reason, value]) => ({ labels: { reason }, value })),
  );

  addServerMetrics(add, () => figures()?.storage);

  add.gauge("contract_read_replica_entries_behind", "Entries that a read replica is behind the primary.", () =>
    Object.entries(figures()?.health.backends ?? {}).flatMap(([backend, { kind, entriesBehind }]) =>
      kind === "read replica" && typeof entriesBehind === "number"
        ? [{ labels: { backend }, value: entriesBehind }]
        : [],
    ),
  );

  const secondsOf = (name: string) => {
    const ms = fact("backups", name);
    return ms === undefined ? undefined : ms / 1000;
  };
  add.gauge("contract_backup_interval_seconds", "How often a backup is scheduled.", () => secondsOf("everyMs"));
  add.gauge("contract_backup_last_success_timestamp_seconds", "When a scheduled backup last had everything.", () =>
    secondsOf("lastSuccessMs"),
  );
  add.counter("contract_backup_failures_total", "Attempts of scheduled backups that failed.", () =>
    fact("backups", "failures"),
  );
  add.gauge("contract_backup_waiting", "Scheduled backups that wait for their destination.", () =>
    fact("backups", "waiting"),
  );

  add.counter("contract_executions_total", "Executions of contracts since genesis, by status.", () =>
    executionsByStatus(total()),
  );
  add.counter(
    "contract_rollbacks_total",
    "Rollbacks since genesis.",
    () => figures()?.performance?.rollbacks ?? undefined,
  );
  add.gauge(
    "contract_active_contracts",
    "Contracts executed within the last day.",
    () => figures()?.performance?.activeContracts ?? undefined,
  );
  add.gauge(
    "contract_recent_error_ratio",
    "Share of executions that failed in the last five minutes.",
    () => figures()?.performance?.recentErrorRate ?? undefined,
  );
  add.gauge(
    "contract_analytics_seq",
    "The last entry of the log that analytics have counted.",
    () => figures()?.performance?.asOfSeq ?? undefined,
  );
  add.gauge(
    "contract_anomalies",
    "Marks of anomalies and trends that stand now.",
    () => figures()?.performance?.marks.length,
  );

  add.counter("contract_cache_queries_total", "Queries, by what the result cache made of them.", () => {
    const queries = cache()?.queries;
    if (queries === undefined) return [];
    const { hits, misses, joined, bypassed } = queries;
    return Object.entries({ hit: hits, miss: misses, joined, bypassed }).map(([result, value]) => ({
      labels: { result },
      value,
    }));
  });
  add.counter("contract_cache_dropped_total", "Answers dropped, by why.", () => {
    const now = cache();
    if (now === undefined) return [];
    const { invalidated, expired } = now.queries;
    return Object.entries({ written: invalidated, expired, evicted: now.evicted }).map(([reason, value]) => ({
      labels: { reason },
      value,
    }));
  });
  add.gauge("contract_cache_entries", "Answers kept.", () => cache()?.entries);
  add.gauge("contract_cache_entries_max", "Answers that may be kept.", () => cache()?.entriesMax);
  add.gauge("contract_cache_bytes", "Bytes of answers kept.", () => cache()?.bytes);
}

function executionsByStatus(total: ExecutionsJson | undefined): Sample[] {
  if (total === undefined) return [];
  const { executions, reverted, halted } = total;
  const byStatus = { success: executions - reverted - halted, reverted, halted };
  return Object.entries(byStatus).map(([status, value]) => ({ labels: { status }, value }));
}
