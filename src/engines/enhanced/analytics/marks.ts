/** What stands out in a series: trends from hour to hour, and minutes unlike those before them. */
import type { Point, Series } from "./series.ts";

export interface Mark {
  kind: "trend" | "anomaly";
  what: "executions" | "failureRate" | "gasPerExecution";
  window: "minute" | "hour";
  direction: "rising" | "falling";
  value: number;
  /** What the points before would have let expect. */
  expected: number;
  /** Of an anomaly: how many standard deviations off. */
  deviations?: number;
  atMs: number;
}

/** A trend: the last whole hour beside the mean of the hours before that had so many executions. */
const TREND_HOURS_MIN = 3;
const TREND_RATIO = 1.5;
/** An anomaly: the last whole minute, beside those before it since the first with executions. */
const ANOMALY_MINUTES_MIN = 10;
const ANOMALY_DEVIATIONS = 3;
const EXECUTIONS_MIN = 10;

interface Measure {
  readonly what: Mark["what"];
  of(point: Point): number;
  /** Of points with too few executions it says nothing. */
  readonly executionsMin: number;
  /** The deviation to expect by chance alone around `expected`, in a point of so many executions. */
  chance(expected: number, executions: number): number;
}

const MEASURES: Measure[] = [
  {
    what: "executions",
    of: ({ executions }) => executions,
    executionsMin: 0,
    chance: (expected) => Math.sqrt(expected),
  },
  {
    what: "failureRate",
    of: ({ failures, executions }) => failures / executions,
    executionsMin: EXECUTIONS_MIN,
    chance: (expected, executions) => Math.sqrt(Math.max(expected * (1 - expected), 1 / executions) / executions),
  },
  {
    what: "gasPerExecution",
    of: ({ gasUsed, executions }) => gasUsed / executions,
    executionsMin: EXECUTIONS_MIN,
    chance: (expected) => expected / 100,
  },
];

export function marksOf(series: Series, nowMs: number): Mark[] {
  return [
    ...trends(series.points("hour", nowMs).slice(0, -1)),
    ...anomalies(series.points("minute", nowMs).slice(0, -1)),
  ];
}

function trends(hours: readonly Point[]): Mark[] {
  const last = hours.at(-1);
  const before = hours.slice(0, -1).filter(({ executions }) => executions >= EXECUTIONS_MIN);
  if (last === undefined || before.length < TREND_HOURS_MIN) return [];
  return MEASURES.flatMap(({ what, of, executionsMin }): Mark[] => {
    if (last.executions < executionsMin) return [];
    const value = of(last);
    const expected = mean(before.map(of));
    if (value < expected * TREND_RATIO && expected < value * TREND_RATIO) return [];
    if (value === expected) return [];
    const direction = value > expected ? "rising" : "falling";
    return [{ kind: "trend", what, window: "hour", direction, value, expected, atMs: last.startMs }];
  });
}

function anomalies(minutes: readonly Point[]): Mark[] {
  const last = minutes.at(-1);
  const first = minutes.findIndex(({ executions }) => executions > 0);
  if (last === undefined || first < 0) return [];
  return MEASURES.flatMap(({ what, of, executionsMin, chance }): Mark[] => {
    const before = minutes.slice(first, -1).filter(({ executions }) => executions >= executionsMin);
    if (last.executions < executionsMin || before.length < ANOMALY_MINUTES_MIN) return [];
    const value = of(last);
    const expected = mean(before.map(of));
    const deviation = Math.sqrt(mean(before.map((point) => (of(point) - expected) ** 2)));
    // Some values never varied, or hardly: chance alone makes them.
    const deviations = Math.abs(value - expected) / Math.max(deviation, chance(expected, last.executions), 1e-3);
    if (deviations < ANOMALY_DEVIATIONS) return [];
    const direction = value > expected ? "rising" : "falling";
    return [{ kind: "anomaly", what, window: "minute", direction, value, expected, deviations, atMs: last.startMs }];
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
