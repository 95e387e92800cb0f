/**
 * Insights: what `metrics_performance`, `contract_health` and `contract_analytics` answer: analytics of what was executed,
 * beside what the result cache made of the queries of this run of the daemon. Figures that were not measured are null.
 */
import type { PerformanceJson } from "../client/metrics.ts";
import { toHex } from "../encoding/hex.ts";
import type { ContractReport } from "../engines/enhanced/analytics/reports.ts";
import { querySuggestions, type Suggestion } from "../engines/enhanced/analytics/suggestions.ts";
import type { EnhancedContractEngine } from "../engines/enhanced/enhanced-engine.ts";
import { addCounts, hitRate, noQueries, type QueryCounts } from "../engines/enhanced/query-statistics.ts";
import type { AnalyticsAnswer, AnalyticsQuestion } from "./analytics-follower.ts";

export type AskAnalytics = <Q extends AnalyticsQuestion>(question: Q) => Promise<AnalyticsAnswer<Q>>;

export interface InsightsModules {
  enhanced: EnhancedContractEngine;
  /** Undefined: analytics are off. */
  ask: AskAnalytics | undefined;
  /** Of the gas schedule. */
  readGas: number;
}

/** Contracts loaded at start: compiling a large one takes a tenth of a second. */
const WARMED_MAX = 8;
const WARM_AFTER_MS = 500;

export class Insights {
  readonly #modules: InsightsModules;
  #warmed: { what: "loadedAtStart"; contract: string; executions: number }[] = [];

  constructor(modules: InsightsModules) {
    this.#modules = modules;
  }

  async performance(): Promise<Record<string, unknown>> {
    const { enhanced, ask } = this.#modules;
    const chain = await ask?.({ about: "chain" });
    const cache = this.cacheUse();
    const recent = chain?.recent;
    return {
      totalExecutions: chain?.total.executions ?? null,
      totalGasConsumed: chain === undefined ? null : String(chain.total.gasUsed),
      avgExecutionTimeMs: chain?.total.avgTimeMs ?? null,
      successRate: chain?.total.successRate ?? null,
      cacheHitRate: hitRate(cache.queries) ?? null,
      cacheUtilization: cache.entriesMax === 0 ? null : cache.entries / cache.entriesMax,
      activeContracts: chain?.activeContracts ?? null,
      recentErrorRate: recent === undefined || recent.executions === 0 ? null : recent.failures / recent.executions,
      analytics: ask !== undefined,
      executions: chain === undefined ? null : { total: chain.total, ...chain.windows },
      topContracts: chain?.topContracts.map((each) => ({ ...each, address: toHex(each.address) })) ?? [],
      topCallers: chain?.topCallers.map((each) => ({ ...each, address: toHex(each.address) })) ?? [],
      rollbacks: chain?.rollbacks ?? null,
      marks: chain?.marks ?? [],
      cache,
      optimizations: [...this.#warmed, ...enhanced.optimizations()],
      asOfSeq: chain?.asOfSeq ?? null,
    };
  }

  cacheUse(): PerformanceJson["cache"] {
    const { cache, statistics } = this.#modules.enhanced;
    return {
      entries: cache.size,
      entriesMax: cache.entriesMax,
      bytes: cache.byteLength,
      evicted: cache.evicted,
      queries: statistics.totals(),
    };
  }

  /** Loads the contracts executed most, when the first requests have been answered. */
  warmSoon(load: (address: Uint8Array) => Promise<unknown>): void {
    // What cannot be loaded now is loaded by whoever calls it, who is then told why not.
    setTimeout(() => this.#warm(load).catch(() => {}), WARM_AFTER_MS).unref();
  }

  async #warm(load: (address: Uint8Array) => Promise<unknown>): Promise<void> {
    const chain = await this.#modules.ask?.({ about: "chain" });
    for (const { address, executions } of chain?.topContracts.slice(0, WARMED_MAX) ?? [])
      if ((await load(address)) !== undefined)
        this.#warmed.push({ what: "loadedAtStart", contract: toHex(address), executions });
  }

  /** @returns of a contract that exists; zeros and nulls where nothing was executed. */
  async contractHealth(address: Uint8Array): Promise<Record<string, unknown>> {
    const report = await this.#modules.ask?.({ about: "contract", address });
    const uses = report?.uses;
    const counts = this.#queriesOf(address);
    return {
      address: toHex(address),
      healthScore: report?.healthScore ?? null,
      status: report?.status ?? null,
      parts: report?.parts ?? [],
      recommendations: report?.recommendations ?? [],
      totalExecutions: uses?.executions ?? 0,
      totalGasUsed: String(uses?.gasUsed ?? 0),
      successRate: uses?.successRate ?? null,
      gasEfficiency: uses?.avgGasUsed ?? null,
      avgExecutionTimeMs: uses?.avgTimeMs ?? null,
      lastExecutionMs: uses === undefined || uses.executions === 0 ? null : report!.lastExecutionMs,
      errorReasons: report?.errorReasons ?? [],
      cache: cacheView(counts),
      marks: report?.marks ?? [],
      suggestions: this.#suggestions(report, counts),
      analytics: this.#modules.ask !== undefined,
      asOfSeq: report?.asOfSeq ?? null,
    };
  }

  async contractAnalytics(address: Uint8Array): Promise<Record<string, unknown>> {
    const report = await this.#modules.ask?.({ about: "contract", address });
    const counts = this.#queriesOf(address);
    return {
      address: toHex(address),
      total: report?.total ?? null,
      windows: report?.windows ?? null,
      entrypoints: report?.entrypoints ?? [],
      errorReasons: report?.errorReasons ?? [],
      state: report?.state ?? null,
      series: report?.series ?? null,
      queries: counts.map(({ contract: _, judged: _judged, judgedHits: _hits, ...rest }) => rest),
      marks: report?.marks ?? [],
      suggestions: this.#suggestions(report, counts),
      analytics: this.#modules.ask !== undefined,
      asOfSeq: report?.asOfSeq ?? null,
    };
  }

  #queriesOf(address: Uint8Array): QueryCounts[] {
    return this.#modules.enhanced.statistics.ofContract(Buffer.from(address).toString("latin1"));
  }

  #suggestions(report: ContractReport | undefined, counts: readonly QueryCounts[]): Suggestion[] {
    const { enhanced, readGas } = this.#modules;
    const isCaching = enhanced.cache.entriesMax > 0;
    return [...(report?.suggestions ?? []), ...querySuggestions(counts, isCaching, readGas)];
  }
}

function cacheView(counts: readonly QueryCounts[]): Record<string, unknown> {
  const sum = noQueries();
  for (const each of counts) addCounts(sum, each);
  const { hits, misses, joined, invalidated, expired, bypassed } = sum;
  return { hitRate: hitRate(sum) ?? null, hits, misses, joined, invalidated, expired, bypassed };
}
