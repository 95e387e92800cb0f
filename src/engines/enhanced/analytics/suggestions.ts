/** Suggestions: what would make a contract cheaper or safer to run, each with its evidence and what it would gain. */
import type { QueryCounts } from "../query-statistics.ts";
import type { ContractAnalytics } from "./contract-record.ts";
import { WINDOW_MS } from "./track.ts";

export interface Suggestion {
  kind: "cacheQuery" | "repeatedReads" | "storageGrows" | "gasLimitTooHigh" | "unusedContract";
  /** Undefined: the contract as a whole. */
  entrypoint?: string;
  advice: string;
  evidence: Record<string, number>;
  expectedGain: string;
}

const QUERIES_MIN = 100;
const REPEATED_SHARE = 0.25;
const EXECUTIONS_MIN = 100;
const GAS_LIMIT_RATIO = 10;
const GROWTH_BYTES_MIN = 64 * 1024;
const GROWTH_HOURS_MIN = 3;
const UNUSED_MS = 30 * WINDOW_MS.day;

export function contractSuggestions(contract: ContractAnalytics, nowMs: number): Suggestion[] {
  return [...growth(contract, nowMs), ...gasLimits(contract), ...unused(contract, nowMs)];
}

function growth({ series, stateBytes }: ContractAnalytics, nowMs: number): Suggestion[] {
  const hours = series.points("hour", nowMs).filter(({ stateBytes: bytes }) => bytes !== 0);
  const grown = hours.reduce((sum, point) => sum + point.stateBytes, 0);
  if (hours.length < GROWTH_HOURS_MIN || grown < GROWTH_BYTES_MIN) return [];
  if (hours.some((point) => point.stateBytes < 0)) return [];
  const keys = hours.reduce((sum, point) => sum + point.stateKeys, 0);
  return [
    {
      kind: "storageGrows",
      advice: "its state only grows: delete what is no longer needed, or keep a hash of it",
      evidence: { hours: hours.length, grownBytes: grown, grownKeys: keys, stateBytes },
      expectedGain: `${Math.round((grown / hours.length) * 24)} bytes of state a day at the rate of these hours`,
    },
  ];
}

function gasLimits({ entrypoints }: ContractAnalytics): Suggestion[] {
  return [...entrypoints].flatMap(([entrypoint, track]): Suggestion[] => {
    const { executions, avgGasUsed, avgGasLimit, halted } = track.total();
    if (executions < EXECUTIONS_MIN || avgGasUsed === null || avgGasLimit === null) return [];
    if (avgGasLimit < GAS_LIMIT_RATIO * avgGasUsed) return [];
    return [
      {
        kind: "gasLimitTooHigh",
        entrypoint,
        advice: `state about ${Math.ceil((2 * avgGasUsed) / 1000) * 1000} as gas limit`,
        evidence: { executions, avgGasUsed: Math.round(avgGasUsed), avgGasLimit: Math.round(avgGasLimit), halted },
        expectedGain: `${Math.round(avgGasLimit - 2 * avgGasUsed)} gas less lost by each execution that halts, which spends its limit`,
      },
    ];
  });
}

function unused({ lastAtMs, stateBytes, executions }: ContractAnalytics, nowMs: number): Suggestion[] {
  if (lastAtMs === 0 || nowMs - lastAtMs < UNUSED_MS) return [];
  const days = Math.floor((nowMs - lastAtMs) / WINDOW_MS.day);
  return [
    {
      kind: "unusedContract",
      advice: "pause it, so that nobody uses it by mistake",
      evidence: { daysSinceLastExecution: days, executions, stateBytes },
      expectedGain: `one contract and ${stateBytes} bytes of state less to watch over`,
    },
  ];
}

/** @param isCaching answers are kept at all. @param readGas what one read costs by the gas schedule. */
export function querySuggestions(counts: readonly QueryCounts[], isCaching: boolean, readGas: number): Suggestion[] {
  return counts.flatMap((each): Suggestion[] => {
    const { entrypoint, hits, joined, misses, bypassed, invalidated, runMs, reads, repeatedReads } = each;
    const runs = misses + bypassed;
    const found: Suggestion[] = [];
    if (runs >= QUERIES_MIN && (!isCaching || bypassed > misses + hits)) {
      const avgMs = runMs / runs;
      found.push({
        kind: "cacheQuery",
        entrypoint,
        advice: isCaching
          ? 'ask without cache: "bypass"'
          : "set enhanced.enable_caching: a cached answer is never stale",
        evidence: { runs, hits: hits + joined, bypassed, invalidated, avgRunMs: round(avgMs) },
        expectedGain: `up to ${round(avgMs)} ms for each answer that nothing has changed`,
      });
    }
    if (runs >= QUERIES_MIN && reads > 0 && repeatedReads / reads >= REPEATED_SHARE)
      found.push({
        kind: "repeatedReads",
        entrypoint,
        advice: "keep what was read in a local variable: its queries read keys again; executions are not looked at",
        evidence: { runs, readsPerRun: round(reads / runs), repeatedReadsPerRun: round(repeatedReads / runs) },
        expectedGain: `${Math.round((repeatedReads / runs) * readGas)} gas a query`,
      });
    return found;
  });
}

function round(value: number): number {
  return Math.round(1000 * value) / 1000;
}
