/** A contract over time: executions, gas and growth of its state, and its entrypoints one by one. */
import { useState } from "preact/hooks";
import type { ContractAnalyticsJson, SeriesPointJson } from "../../client/metrics.ts";
import { bytes, compact, duration, percent, whole } from "../format.ts";
import { Chart, Keys, type Line } from "../parts/chart.tsx";
import { Panel } from "../parts/panel.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { Table } from "../parts/table.tsx";
import { useRpc } from "../use-rpc.ts";

const STEPS = { minute: "last hour, by minute", hour: "two days, by hour", day: "last month, by day" } as const;
type Step = keyof typeof STEPS;

export function ContractGas({ address }: { address: string }) {
  const [step, setStep] = useState<Step>("minute");
  const answer = useRpc("contract_analytics", { address }, { isLive: true });
  return (
    <Shown answer={answer}>
      {(data) =>
        data.series === null ? (
          <Empty title="Executions are not counted">
            <p>Set enhanced.enable_analytics to have them counted.</p>
          </Empty>
        ) : (
          <>
            <div class="filters">
              <label class="field">
                <span>time</span>
                <select value={step} onChange={(event) => setStep(event.currentTarget.value as Step)}>
                  {Object.entries(STEPS).map(([value, name]) => (
                    <option key={value} value={value}>
                      {name}
                    </option>
                  ))}
                </select>
              </label>
            </div>
            <OverTime points={data.series[step]} />
            <Entrypoints data={data} />
          </>
        )
      }
    </Shown>
  );
}

function OverTime({ points }: { points: readonly SeriesPointJson[] }) {
  const times = points.map(({ startMs }) => startMs);
  const gas: Line[] = [{ label: "gas", tone: "accent", values: points.map(({ gasUsed }) => gasUsed) }];
  const each: Line[] = [
    {
      label: "gas an execution",
      tone: "second",
      values: points.map(({ gasUsed, executions }) => (executions === 0 ? null : gasUsed / executions)),
    },
  ];
  const executions: Line[] = [
    { label: "executions", tone: "accent", values: points.map((point) => point.executions) },
    { label: "failed", tone: "bad", values: points.map((point) => point.failures) },
  ];
  const growth: Line[] = [
    { label: "bytes", tone: "third", values: running(points.map(({ stateBytes }) => stateBytes)) },
  ];
  return (
    <div class="grid">
      <Panel title="Gas" end={<Keys lines={gas} />}>
        <Chart title="Gas" times={times} lines={gas} isBars />
      </Panel>
      <Panel title="Gas an execution" end={<Keys lines={each} />}>
        <Chart title="Gas an execution" times={times} lines={each} isBars />
      </Panel>
      <Panel title="Executions" end={<Keys lines={executions} />}>
        <Chart title="Executions" times={times} lines={executions} isBars />
      </Panel>
      <Panel title="Growth of its state in this time" end={<Keys lines={growth} format={bytes} />}>
        <Chart title="Growth of its state" times={times} lines={growth} format={bytes} />
      </Panel>
    </div>
  );
}

function running(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value) => {
    sum += value;
    return sum;
  });
}

function Entrypoints({ data }: { data: ContractAnalyticsJson }) {
  return (
    <Panel title="Entrypoints" isPadded={false}>
      {data.entrypoints.length === 0 ? (
        <Empty title="None was executed" />
      ) : (
        <Table
          items={data.entrypoints}
          keyOf={({ entrypoint }) => entrypoint}
          columns={[
            { head: "entrypoint", isName: true, cell: ({ entrypoint }) => entrypoint },
            { head: "executions", class: "number", cell: ({ total }) => whole(total.executions) },
            { head: "succeeded", class: "number", cell: ({ total }) => percent(total.successRate) },
            { head: "gas each", class: "number", cell: ({ total }) => whole(total.avgGasUsed) },
            { head: "gas p99", class: "number wide", cell: ({ total }) => compact(total.gasPercentiles?.p99) },
            {
              head: "of limit",
              class: "number wide",
              cell: ({ total: { avgGasUsed, avgGasLimit } }) =>
                percent(avgGasUsed === null || !avgGasLimit ? null : avgGasUsed / avgGasLimit),
            },
            { head: "time", class: "number", cell: ({ total }) => duration(total.avgTimeMs) },
            { head: "time p99", class: "number wide", cell: ({ total }) => duration(total.timePercentilesMs?.p99) },
          ]}
        />
      )}
    </Panel>
  );
}
