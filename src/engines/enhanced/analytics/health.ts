/**
 * The health of a contract, by the formula of the engine that this one succeeds:
 *     score = 0.6 · success rate + 0.3 · (1 − min(average gas / 100,000, 0.5)) + 0.1 · (1 − 0.1 if slower than 5 s on average)
 * Above 0.8 it is Healthy, above 0.6 Warning, else Critical. A contract that was never called has no score: making it is
 * no use of it.
 */
import type { Summary } from "./track.ts";

export interface HealthPart {
  name: "successRate" | "gasEfficiency" | "executionTime";
  /** 0 to 1. */
  value: number;
  weight: number;
  /** value · weight. */
  contribution: number;
  /** What it was computed from. */
  measured: string;
}

export interface Health {
  healthScore: number | null;
  status: "Healthy" | "Warning" | "Critical" | null;
  parts: HealthPart[];
  recommendations: string[];
}

const GAS_REFERENCE = 100_000;
const SLOW_MS = 5_000;
const HEALTHY_ABOVE = 0.8;
const WARNING_ABOVE = 0.6;
/** Thresholds of the advice. */
const SUCCESS_RATE_MIN = 0.9;
const TIME_MS_MAX = 10_000;
const GAS_MAX = 500_000;

/** @param total of its calls. */
export function healthOf(total: Summary): Health {
  const { successRate, avgGasUsed, avgTimeMs, executions, timed } = total;
  if (successRate === null || avgGasUsed === null)
    return { healthScore: null, status: null, parts: [], recommendations: [] };
  const isSlow = avgTimeMs !== null && avgTimeMs > SLOW_MS;
  const parts = [
    part("successRate", successRate, 0.6, `${total.reverted + total.halted} of ${executions} executions failed`),
    part(
      "gasEfficiency",
      1 - Math.min(avgGasUsed / GAS_REFERENCE, 0.5),
      0.3,
      `${Math.round(avgGasUsed)} gas on average`,
    ),
    part(
      "executionTime",
      isSlow ? 0.9 : 1,
      0.1,
      avgTimeMs === null ? "no execution was timed" : `${avgTimeMs.toFixed(3)} ms on average of ${timed} timed`,
    ),
  ];
  const score = Math.min(
    1,
    Math.max(
      0,
      parts.reduce((sum, { contribution }) => sum + contribution, 0),
    ),
  );
  return {
    healthScore: score,
    status: score > HEALTHY_ABOVE ? "Healthy" : score > WARNING_ABOVE ? "Warning" : "Critical",
    parts,
    recommendations: advice(total),
  };
}

function part(name: HealthPart["name"], value: number, weight: number, measured: string): HealthPart {
  return { name, value, weight, contribution: value * weight, measured };
}

function advice({ successRate, avgTimeMs, avgGasUsed }: Summary): string[] {
  const found: string[] = [];
  if (successRate !== null && successRate < SUCCESS_RATE_MIN)
    found.push(`${percent(1 - successRate)} of executions fail: see the reasons`);
  if (avgTimeMs !== null && avgTimeMs > TIME_MS_MAX) found.push("executions take over 10 s on average");
  if (avgGasUsed !== null && avgGasUsed > GAS_MAX)
    found.push(`executions use ${Math.round(avgGasUsed)} gas on average, over ${GAS_MAX}`);
  return found.length === 0 ? ["Contract is performing well"] : found;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
