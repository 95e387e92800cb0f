/** metrics_* and contract_health: what was measured of executions and queries. */
import * as Type from "typebox";
import type { ContractAnalyticsJson, ContractHealthJson, PerformanceJson } from "../client/metrics.ts";
import { fromHex, toHex } from "../encoding/hex.ts";
import { EngineError } from "../errors.ts";
import type { ContractAbis } from "./contract-abis.ts";
import { TOKEN } from "./examples.ts";
import { define, type MethodTable, requireAddress } from "./method.ts";
import { Address, closed, Decimal, Facts, list, nullable, optional, Text, Whole, words } from "./schemas.ts";
import type { EngineService } from "./services.ts";

const Measure = Type.Number({ description: "a number" });
const Measured = nullable(Measure);
const Percentiles = closed(
  { p50: Measure, p90: Measure, p99: Measure, samples: Whole },
  {
    title: "Percentiles",
    description: "Middles of the bins that they fall into, four to an octave: off by an eighth at most.",
  },
);
const Executions = closed(
  {
    executions: Whole,
    successRate: Measured,
    reverted: Whole,
    halted: Whole,
    gasUsed: Whole,
    avgGasUsed: Measured,
    avgGasLimit: Measured,
    gasPercentiles: nullable(Percentiles),
    timed: Whole,
    avgTimeMs: Measured,
    timePercentilesMs: nullable(Percentiles),
  },
  { title: "Executions" },
);
const Windows = closed(
  { minute: Executions, hour: Executions, day: Executions },
  {
    title: "Windows",
    description: "The running minute, hour and day, each with the whole one before it, by the blocks' time.",
  },
);
const Mark = closed(
  {
    kind: words("trend", "anomaly"),
    what: words("executions", "failureRate", "gasPerExecution"),
    window: words("minute", "hour"),
    direction: words("rising", "falling"),
    value: Measure,
    expected: Measure,
    deviations: optional(Measure),
    atMs: Whole,
  },
  { title: "Mark" },
);
const Suggestion = closed(
  { kind: Text, entrypoint: optional(Text), advice: Text, evidence: Facts, expectedGain: Text },
  { title: "Suggestion" },
);
const Reasons = list(closed({ reason: Text, count: Whole }));
const QUERIES = {
  hits: Whole,
  misses: Whole,
  joined: Whole,
  invalidated: Whole,
  expired: Whole,
  bypassed: Whole,
  reverted: Whole,
  halted: Whole,
  gasUsed: Whole,
  runMs: Measure,
  reads: Whole,
  repeatedReads: Whole,
};
const Point = closed({
  startMs: Whole,
  executions: Whole,
  failures: Whole,
  gasUsed: Whole,
  stateBytes: Type.Integer(),
  stateKeys: Type.Integer(),
});

const NO_QUERIES = {
  hits: 0,
  misses: 0,
  joined: 0,
  invalidated: 0,
  expired: 0,
  bypassed: 0,
  reverted: 0,
  halted: 0,
  gasUsed: 0,
  runMs: 0,
  reads: 0,
  repeatedReads: 0,
};

export const METRICS_METHODS = {
  metrics_performance: define("metrics_performance", {
    description:
      "Executions, deployments among them, gas, times, success and cache hit rate, all measured: over everything, and over the running minute, hour and day with the whole one before each.",
    role: "reader",
    params: closed({}),
    result: closed(
      {
        totalExecutions: nullable(Whole),
        totalGasConsumed: nullable(Decimal),
        avgExecutionTimeMs: Measured,
        successRate: Measured,
        cacheHitRate: Measured,
        cacheUtilization: Measured,
        activeContracts: nullable(Whole),
        recentErrorRate: Measured,
        analytics: Type.Boolean(),
        executions: nullable(closed({ total: Executions, ...Windows.properties })),
        topContracts: list(closed({ address: Address, executions: Whole, gasUsed: Whole, successRate: Measured })),
        topCallers: list(closed({ address: Address, total: Executions })),
        rollbacks: nullable(Whole),
        marks: list(Mark),
        cache: closed({ entries: Whole, entriesMax: Whole, bytes: Whole, evicted: Whole, queries: closed(QUERIES) }),
        optimizations: list(Facts),
        asOfSeq: nullable(Type.Integer({ minimum: -1 })),
      },
      { title: "Performance" },
    ),
    example: {
      params: {},
      result: {
        totalExecutions: 0,
        totalGasConsumed: "0",
        avgExecutionTimeMs: null,
        successRate: null,
        cacheHitRate: null,
        cacheUtilization: 0,
        activeContracts: 0,
        recentErrorRate: null,
        analytics: true,
        executions: null,
        topContracts: [],
        topCallers: [],
        rollbacks: 0,
        marks: [],
        cache: { entries: 0, entriesMax: 1000, bytes: 0, evicted: 0, queries: NO_QUERIES },
        optimizations: [],
        asOfSeq: 0,
      },
    },
    async handle(_params, { service }) {
      return (await service.performance()) as unknown as PerformanceJson;
    },
  }),

  contract_health: define("contract_health", {
    description:
      "A contract's health score from 0 to 1 with each part of it, its failures by reason, and what would make it better. Of its calls alone: no score before the first, and its deployment and upgrades are none.",
    role: "reader",
    params: closed({ address: Address }),
    result: closed(
      {
        address: Address,
        healthScore: Measured,
        status: nullable(words("Healthy", "Warning", "Critical")),
        parts: list(closed({ name: Text, value: Measure, weight: Measure, contribution: Measure, measured: Text })),
        recommendations: list(Text),
        totalExecutions: Whole,
        totalGasUsed: Decimal,
        successRate: Measured,
        gasEfficiency: Measured,
        avgExecutionTimeMs: Measured,
        lastExecutionMs: nullable(Whole),
        errorReasons: Reasons,
        cache: closed({
          hitRate: Measured,
          hits: Whole,
          misses: Whole,
          joined: Whole,
          invalidated: Whole,
          expired: Whole,
          bypassed: Whole,
        }),
        marks: list(Mark),
        suggestions: list(Suggestion),
        analytics: Type.Boolean(),
        asOfSeq: nullable(Type.Integer({ minimum: -1 })),
      },
      { title: "ContractHealth" },
    ),
    example: {
      params: { address: TOKEN },
      result: {
        address: TOKEN,
        healthScore: 0.928,
        status: "Healthy",
        parts: [
          { name: "successRate", value: 1, weight: 0.6, contribution: 0.6, measured: "0 of 2 executions failed" },
          { name: "gasEfficiency", value: 0.76, weight: 0.3, contribution: 0.228, measured: "24000 gas on average" },
          {
            name: "executionTime",
            value: 1,
            weight: 0.1,
            contribution: 0.1,
            measured: "0.012 ms on average of 2 timed",
          },
        ],
        recommendations: ["Contract is performing well"],
        totalExecutions: 2,
        totalGasUsed: "48000",
        successRate: 1,
        gasEfficiency: 24000,
        avgExecutionTimeMs: 0.012,
        lastExecutionMs: 1_767_225_600_000,
        errorReasons: [],
        cache: { hitRate: 0.5, hits: 1, misses: 1, joined: 0, invalidated: 0, expired: 0, bypassed: 0 },
        marks: [],
        suggestions: [],
        analytics: true,
        asOfSeq: 2,
      },
    },
    async handle(params, { service, abis }) {
      const address = await requireExisting(service, params.address);
      const report = (await service.contractHealth(address)) as unknown as ContractHealthJson;
      return { ...report, errorReasons: await namedReasons(report, abis) };
    },
  }),

  contract_analytics: define("contract_analytics", {
    description:
      "What was counted of a contract: executions, gas and times with percentiles, by entrypoint and over minutes, hours and days; growth of its state; its queries.",
    role: "reader",
    params: closed({ address: Address }),
    result: closed(
      {
        address: Address,
        total: nullable(Executions),
        windows: nullable(Windows),
        entrypoints: list(closed({ entrypoint: Text, total: Executions, windows: Windows })),
        errorReasons: Reasons,
        // Null also where it was not counted from its beginning: counted anew from a pruned log, or the contract was forgotten.
        state: nullable(closed({ bytes: Type.Integer(), keys: Type.Integer() })),
        series: nullable(closed({ minute: list(Point), hour: list(Point), day: list(Point) })),
        queries: list(closed({ entrypoint: Text, ...QUERIES })),
        marks: list(Mark),
        suggestions: list(Suggestion),
        analytics: Type.Boolean(),
        asOfSeq: nullable(Type.Integer({ minimum: -1 })),
      },
      { title: "ContractAnalytics" },
    ),
    example: {
      params: { address: TOKEN },
      result: {
        address: TOKEN,
        total: null,
        windows: null,
        entrypoints: [],
        errorReasons: [],
        state: { bytes: 612, keys: 9 },
        series: null,
        queries: [{ entrypoint: "balanceOf", ...NO_QUERIES, misses: 1, gasUsed: 2_400, runMs: 0.4, reads: 2 }],
        marks: [],
        suggestions: [],
        analytics: true,
        asOfSeq: 2,
      },
    },
    async handle(params, { service, abis }) {
      const address = await requireExisting(service, params.address);
      const report = (await service.contractAnalytics(address)) as unknown as ContractAnalyticsJson;
      return { ...report, errorReasons: await namedReasons(report, abis) };
    },
  }),
} satisfies Partial<MethodTable>;

/** @throws EngineError CONTRACT_NOT_FOUND. */
async function requireExisting(service: EngineService, text: string): Promise<Uint8Array> {
  const address = requireAddress(text, "address");
  if ((await service.contract(address)) !== undefined) return address;
  throw new EngineError("CONTRACT_NOT_FOUND", `no contract stands at ${toHex(address)}`, { address: toHex(address) });
}

const SELECTOR = /^0x[0-9a-f]{8}$/;
const NAME_MAX = 80;

/** Reasons that were counted as selectors, by the names that the contract's own interface has for them. */
async function namedReasons(
  { address, errorReasons }: Pick<ContractHealthJson, "address" | "errorReasons">,
  abis: ContractAbis,
): Promise<ContractHealthJson["errorReasons"]> {
  if (!errorReasons.some(({ reason }) => SELECTOR.test(reason))) return errorReasons;
  const contract = address.slice(2);
  await abis.load([contract]);
  const meaning = abis.of(contract);
  return errorReasons.map(({ reason, count }) => {
    const name = SELECTOR.test(reason) ? meaning?.errorName(fromHex(reason)!) : undefined;
    return { reason: name?.slice(0, NAME_MAX) ?? reason, count };
  });
}
