/** contract health: a contract's score with each part of it, why executions failed, and what would make it better. */
import { grouped } from "../../client/amounts.ts";
import type { ContractHealthJson } from "../../client/metrics.ts";
import type { Handler } from "../context.ts";
import { fields, table } from "../table.ts";
import { requireAddress } from "../transactions.ts";

export const health: Handler = async ({ remote, output }, args) => {
  const address = requireAddress(args[0] as string, "ADDRESS");
  const report = await remote.call("contract_health", { address });
  output.result(report, () => textOf(report, output.styles.dim));
};

function textOf(report: ContractHealthJson, dim: (text: string) => string): string {
  if (!report.analytics) return "analytics are off: set enhanced.enable_analytics";
  if (report.healthScore === null) return "no score: it was never called";
  const parts = report.parts.map(({ name, value, weight, contribution, measured }) => [
    name,
    value.toFixed(3),
    weight.toFixed(1),
    contribution.toFixed(3),
    measured,
  ]);
  const columns = [
    { title: "part" },
    { title: "value", align: "right" as const },
    { title: "weight", align: "right" as const },
    { title: "adds", align: "right" as const },
    { title: "measured" },
  ];
  const sections = [
    fields(
      [
        ["score", `${report.healthScore.toFixed(3)} ${report.status}`],
        ["executions", String(report.totalExecutions)],
        ["gas", grouped(report.totalGasUsed)],
        ["cache hit rate", report.cache.hitRate === null ? "no queries" : percent(report.cache.hitRate)],
      ],
      dim,
    ),
    table(columns, parts, dim),
    ...report.errorReasons.map(({ reason, count }) => `failed ${count} times: ${reason}`),
    ...report.marks.map(
      ({ kind, what, direction, value, expected }) =>
        `${kind}: ${what} ${direction}, ${value.toFixed(2)} where ${expected.toFixed(2)} was expected`,
    ),
    ...report.suggestions.map(
      ({ entrypoint, advice, expectedGain }) =>
        `suggestion${entrypoint === undefined ? "" : ` for ${entrypoint}`}: ${advice} (${expectedGain})`,
    ),
    ...report.recommendations,
  ];
  return sections.join("\n");
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
