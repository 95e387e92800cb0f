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

/** A trend: the last whole hour beside the mean of the hours before that had executions. */
const TREND_HOURS_MIN = 3;
const TREND_RATIO = 1.5;
/** An anomaly: a whole minute, beside the minutes before that had executions. */
const ANOMALY_MINUTES_MIN = 10;
const ANOMALY_DEVIATIONS = 3;
const EXECUTIONS_MIN = 10;

const MEASURES: { what: Mark["what"]; of(point: Point): number }[] = [
  { what: "executions", of: ({ executions }) => executions },
  { what: "failureRate", of: ({ failures, executions }) => failures / executions },
  { what: "gasPerExecution", of: ({ gasUsed, executions }) => gasUsed / executions },
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
  if (last === undefined || last.executions < EXECUTIONS_MIN || before.length < TREND_HOURS_MIN) return [];
  return MEASURES.flatMap(({ what, of }): Mark[] => {
    const value = of(last);
    const expected = mean(before.map(of));
    if (value < expected * TREND_RATIO && expected < value * TREND_RATIO) return [];
    if (value === expected) return [];
    const direction = value > expected ? "rising" : "falling";
    return [{ kind: "trend", what, window: "hour", direction, value, expected, atMs: last.startMs }];
  });
}

function anomalies(minutes: readonly Point[]): Mark[] {
  const busy = minutes.filter(({ executions }) => executions >= EXECUTIONS_MIN);
  const last = busy.at(-1);
  if (last === undefined || last !== minutes.at(-1) || busy.length <= ANOMALY_MINUTES_MIN) return [];
  return MEASURES.flatMap(({ what, of }): Mark[] => {
    const before = busy.slice(0, -1).map(of);
    const value = of(last);
    const expected = mean(before);
    const deviation = Math.sqrt(mean(before.map((each) => (each - expected) ** 2)));
    // Values that never varied: a hundredth of them is taken for their deviation.
    const deviations = Math.abs(value - expected) / Math.max(deviation, Math.abs(expected) / 100, 1e-3);
    if (deviations < ANOMALY_DEVIATIONS) return [];
    const direction = value > expected ? "rising" : "falling";
    return [{ kind: "anomaly", what, window: "minute", direction, value, expected, deviations, atMs: last.startMs }];
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
