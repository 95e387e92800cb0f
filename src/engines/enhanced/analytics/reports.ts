/** What analytics answer, as plain data that can change threads. Times are the blocks' own. */
import type { Analytics } from "./analytics.ts";
import { type Health, healthOf } from "./health.ts";
import { type Mark, marksOf } from "./marks.ts";
import type { Point } from "./series.ts";
import { contractSuggestions, type Suggestion } from "./suggestions.ts";
import { type Summary, type Track, WINDOW_MS, type WindowName } from "./track.ts";

export interface ChainReport {
  /** Entry of the log that the figures are as of. */
  asOfSeq: number;
  total: Summary;
  windows: Record<WindowName, Summary>;
  /** Of the last five minutes. */
  recent: { executions: number; failures: number };
  /** Contracts executed within the last day, and all that are tracked. */
  activeContracts: number;
  trackedContracts: number;
  /** Those executed most, 20 bytes each. */
  topContracts: { address: Uint8Array; executions: number; gasUsed: number; successRate: number | null }[];
  topCallers: { address: Uint8Array; total: Summary }[];
  callersForgotten: number;
  rollbacks: number;
  marks: Mark[];
}

export interface ContractReport extends Health {
  asOfSeq: number;
  total: Summary;
  /** Without its deployment and upgrades: what its health is of. */
  uses: Summary;
  windows: Record<WindowName, Summary>;
  entrypoints: { entrypoint: string; total: Summary; windows: Record<WindowName, Summary> }[];
  errorReasons: { reason: string; count: number }[];
  lastExecutionMs: number | null;
  /** Undefined where it was not counted from its beginning. */
  state: { bytes: number; keys: number } | undefined;
  series: Record<WindowName, Point[]>;
  marks: Mark[];
  suggestions: Suggestion[];
}

const RECENT_MINUTES = 5;
const TOP_MAX = 20;

export function chainReport(analytics: Analytics): ChainReport {
  const nowMs = analytics.headTimeMs;
  const contracts = analytics.contracts();
  const recent = { executions: 0, failures: 0 };
  for (const { executions, failures } of analytics.series.points("minute", nowMs, RECENT_MINUTES)) {
    recent.executions += executions;
    recent.failures += failures;
  }
  const byExecutions = contracts.filter(({ executions }) => executions > 0).sort((a, b) => b.executions - a.executions);
  const track = analytics.track();
  return {
    asOfSeq: analytics.seq,
    total: track.total(),
    windows: windowsOf(track, nowMs),
    recent,
    activeContracts: contracts.filter(({ lastAtMs }) => lastAtMs > 0 && nowMs - lastAtMs < WINDOW_MS.day).length,
    trackedContracts: contracts.length,
    topContracts: byExecutions.slice(0, TOP_MAX).map((contract) => {
      const { executions, gasUsed, successRate } = contract.track(nowMs).total();
      return { address: bytesOf(contract.address), executions, gasUsed, successRate };
    }),
    topCallers: analytics.callers
      .top(TOP_MAX)
      .map(([address, track]) => ({ address: bytesOf(address), total: track.total() })),
    callersForgotten: analytics.callers.forgotten,
    rollbacks: analytics.rollbacks,
    marks: marksOf(analytics.series, nowMs),
  };
}

/** Undefined when the contract was never executed, or so long ago that it is forgotten. */
export function contractReport(analytics: Analytics, address: Uint8Array): ContractReport | undefined {
  const contract = analytics.contract(address);
  if (contract === undefined) return undefined;
  const nowMs = analytics.headTimeMs;
  const { series } = contract;
  const track = contract.track(nowMs);
  const uses = contract.uses(nowMs).total();
  return {
    ...healthOf(uses),
    asOfSeq: analytics.seq,
    total: track.total(),
    uses,
    windows: windowsOf(track, nowMs),
    entrypoints: [...contract.entrypoints].map(([entrypoint, each]) => ({
      entrypoint,
      total: each.total(),
      windows: windowsOf(each, nowMs),
    })),
    errorReasons: [...contract.reasons].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count),
    lastExecutionMs: contract.lastAtMs === 0 ? null : contract.lastAtMs,
    state: contract.state,
    series: {
      minute: series.points("minute", nowMs),
      hour: series.points("hour", nowMs),
      day: series.points("day", nowMs),
    },
    marks: marksOf(series, nowMs),
    suggestions: contractSuggestions(contract, nowMs),
  };
}

function windowsOf(track: Track, nowMs: number): Record<WindowName, Summary> {
  return {
    minute: track.window("minute", nowMs),
    hour: track.window("hour", nowMs),
    day: track.window("day", nowMs),
  };
}

function bytesOf(latin1: string): Uint8Array {
  return Uint8Array.from(Buffer.from(latin1, "latin1"));
}
