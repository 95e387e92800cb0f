/** Metrics of the engine, from what it says of itself when someone looks. */
import type { ExecutionsJson, PerformanceJson } from "../client/metrics.ts";
import type { StorageStatsJson } from "../client/storage-methods.ts";
import type { Instruments, Sample, Samples } from "./instruments.ts";
import { addServerMetrics } from "./server-metrics.ts";

/** Each is asked for when a metric that is wanted is made of it, once a scrape. */
export interface EngineFigures {
  health(): { status: string; backends: Record<string, { status: string; [fact: string]: unknown }> };
  height(): number;
  storage(): StorageStatsJson | undefined;
  streams(): { subscriptions: number; subscriptionsMax: number; dropped: ReadonlyMap<string, number> };
  cache(): PerformanceJson["cache"];
  /** Undefined: it did not answer in time. */
  performance(): Promise<PerformanceJson | undefined>;
}

const QUERY_OUTCOMES = ["answered", "overran", "failed", "refused"];
const STATUSES = ["ready", "degraded", "starting", "stopping", "replica"];

export function addEngineMetrics(add: Instruments, figures: () => EngineFigures | undefined): void {
  const fact = (backend: string, name: string) => {
    const value = figures()?.health().backends[backend]?.[name];
    return typeof value === "number" ? value : undefined;
  };
  const measured = (of: (performance: PerformanceJson) => Samples) => async () => {
    const performance = await figures()?.performance();
    return performance && of(performance);
  };

  add.gauge("contract_block_height", "Height of the last durable block.", () => figures()?.height());
  add.gauge("contract_engine_status", "1 for the status that the engine has.", () => {
    const now = figures()?.health().status;
    return STATUSES.map((status) => ({ labels: { status }, value: now === status ? 1 : 0 }));
  });
  add.gauge("contract_backend_up", "1 for a backend whose status is ok.", () =>
    Object.entries(figures()?.health().backends ?? {}).map(([backend, { status }]) => ({
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
    () => figures()?.storage()?.log.prunedBytes,
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

  add.gauge("contract_event_subscriptions", "Open streams of events.", () => figures()?.streams().subscriptions);
  add.gauge(
    "contract_event_subscriptions_max",
    "As many as there may be.",
    () => figures()?.streams().subscriptionsMax,
  );
  add.counter("contract_event_drops_total", "Streams that the daemon ended, by why.", () =>
    [...(figures()?.streams().dropped ?? [])].map(([reason, value]) => ({ labels: { reason }, value })),
  );

  addServerMetrics(add, () => figures()?.storage());

  add.gauge("contract_read_replica_entries_behind", "Entries that a read replica is behind the primary.", () =>
    Object.entries(figures()?.health().backends ?? {}).flatMap(([backend, { kind, entriesBehind }]) =>
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

  add.counter(
    "contract_executions_total",
    "Executions of contracts since genesis, by status.",
    measured(({ executions }) => executionsByStatus(executions?.total)),
  );
  add.counter(
    "contract_rollbacks_total",
    "Rollbacks since genesis.",
    measured(({ rollbacks }) => rollbacks ?? undefined),
  );
  add.gauge(
    "contract_active_contracts",
    "Contracts executed within the last day.",
    measured(({ activeContracts }) => activeContracts ?? undefined),
  );
  add.gauge(
    "contract_recent_error_ratio",
    "Share of executions that failed in the last five minutes.",
    measured(({ recentErrorRate }) => recentErrorRate ?? undefined),
  );
  add.gauge(
    "contract_analytics_seq",
    "The last entry of the log that analytics have counted.",
    measured(({ asOfSeq }) => asOfSeq ?? undefined),
  );
  add.gauge(
    "contract_anomalies",
    "Marks of anomalies and trends that stand now.",
    measured(({ marks }) => marks.length),
  );

  const cached = (of: (cache: PerformanceJson["cache"]) => Samples) => () => {
    const cache = figures()?.cache();
    return cache && of(cache);
  };
  const byLabel = (label: string, values: Record<string, number>): Sample[] =>
    Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
  add.counter(
    "contract_cache_queries_total",
    "Queries, by what the result cache made of them.",
    cached(({ queries: { hits, misses, joined, bypassed } }) =>
      byLabel("result", { hit: hits, miss: misses, joined, bypassed }),
    ),
  );
  add.counter(
    "contract_cache_dropped_total",
    "Answers dropped, by why.",
    cached(({ queries: { invalidated, expired }, evicted }) =>
      byLabel("reason", { written: invalidated, expired, evicted }),
    ),
  );
  add.gauge(
    "contract_cache_entries",
    "Answers kept.",
    cached(({ entries }) => entries),
  );
  add.gauge(
    "contract_cache_entries_max",
    "Answers that may be kept.",
    cached(({ entriesMax }) => entriesMax),
  );
  add.gauge(
    "contract_cache_bytes",
    "Bytes of answers kept.",
    cached(({ bytes }) => bytes),
  );
}

function executionsByStatus(total: ExecutionsJson | undefined): Sample[] {
  if (total === undefined) return [];
  const { executions, reverted, halted } = total;
  const byStatus = { success: executions - reverted - halted, reverted, halted };
  return Object.entries(byStatus).map(([status, value]) => ({ labels: { status }, value }));
}
