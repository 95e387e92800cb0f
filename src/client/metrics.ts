/** Answers of metrics_performance, contract_health and contract_analytics. What was not measured is null. */

export interface PercentilesJson {
  p50: number;
  p90: number;
  p99: number;
  samples: number;
}

/** Sums over some time. */
export interface ExecutionsJson {
  executions: number;
  successRate: number | null;
  reverted: number;
  halted: number;
  gasUsed: number;
  avgGasUsed: number | null;
  avgGasLimit: number | null;
  /** Off by an eighth at most. */
  gasPercentiles: PercentilesJson | null;
  /** Executions whose time was measured: those since the daemon's start, and those counted before a restart. */
  timed: number;
  avgTimeMs: number | null;
  timePercentilesMs: PercentilesJson | null;
}

/** The running minute, hour or day and the whole one before it, by the blocks' own time. */
export interface WindowsJson {
  minute: ExecutionsJson;
  hour: ExecutionsJson;
  day: ExecutionsJson;
}

export interface MarkJson {
  kind: "trend" | "anomaly";
  what: "executions" | "failureRate" | "gasPerExecution";
  window: "minute" | "hour";
  direction: "rising" | "falling";
  value: number;
  expected: number;
  deviations?: number;
  atMs: number;
}

export interface SuggestionJson {
  kind: string;
  entrypoint?: string;
  advice: string;
  evidence: Record<string, number>;
  expectedGain: string;
}

export interface QueryTotalsJson {
  hits: number;
  misses: number;
  joined: number;
  invalidated: number;
  expired: number;
  bypassed: number;
  reverted: number;
  halted: number;
  gasUsed: number;
  runMs: number;
  reads: number;
  repeatedReads: number;
}

export interface PerformanceJson {
  totalExecutions: number | null;
  totalGasConsumed: string | null;
  avgExecutionTimeMs: number | null;
  successRate: number | null;
  /** Of the queries since the daemon's start. */
  cacheHitRate: number | null;
  cacheUtilization: number | null;
  /** Executed within the last day. */
  activeContracts: number | null;
  /** Of the last five minutes. */
  recentErrorRate: number | null;
  /** Whether executions are counted. */
  analytics: boolean;
  executions: ({ total: ExecutionsJson } & WindowsJson) | null;
  topContracts: { address: string; executions: number; gasUsed: number; successRate: number | null }[];
  topCallers: { address: string; total: ExecutionsJson }[];
  rollbacks: number | null;
  marks: MarkJson[];
  cache: { entries: number; entriesMax: number; bytes: number; evicted: number; queries: QueryTotalsJson };
  /** What enable_optimization does now. */
  optimizations: { what: string; contract: string; [fact: string]: unknown }[];
  asOfSeq: number | null;
}

export interface ContractHealthJson {
  address: string;
  /** 0 to 1; null for a contract that was never called. */
  healthScore: number | null;
  status: "Healthy" | "Warning" | "Critical" | null;
  parts: { name: string; value: number; weight: number; contribution: number; measured: string }[];
  recommendations: string[];
  totalExecutions: number;
  totalGasUsed: string;
  successRate: number | null;
  /** Average gas of an execution. */
  gasEfficiency: number | null;
  avgExecutionTimeMs: number | null;
  lastExecutionMs: number | null;
  errorReasons: { reason: string; count: number }[];
  cache: {
    hitRate: number | null;
    hits: number;
    misses: number;
    joined: number;
    invalidated: number;
    expired: number;
    bypassed: number;
  };
  marks: MarkJson[];
  suggestions: SuggestionJson[];
  analytics: boolean;
  asOfSeq: number | null;
}

export interface SeriesPointJson {
  startMs: number;
  executions: number;
  failures: number;
  gasUsed: number;
  stateBytes: number;
  stateKeys: number;
}

export interface ContractAnalyticsJson {
  address: string;
  total: ExecutionsJson | null;
  windows: WindowsJson | null;
  entrypoints: { entrypoint: string; total: ExecutionsJson; windows: WindowsJson }[];
  errorReasons: { reason: string; count: number }[];
  state: { bytes: number; keys: number } | null;
  /** 60 minutes, 48 hours and 31 days, oldest first. */
  series: { minute: SeriesPointJson[]; hour: SeriesPointJson[]; day: SeriesPointJson[] } | null;
  queries: ({ entrypoint: string } & QueryTotalsJson)[];
  marks: MarkJson[];
  suggestions: SuggestionJson[];
  analytics: boolean;
  asOfSeq: number | null;
}
